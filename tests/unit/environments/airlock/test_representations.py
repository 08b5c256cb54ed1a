"""What Python writes of a part of the ledger tells of nobody."""

from __future__ import annotations

import numpy as np
from pyroaring import BitMap

from environments.airlock.ledger.service import _Marked
from environments.disclosure.ledger.compare import _Laid
from environments.disclosure.ledger.layers import _Laying


def test_nobody_is_in_a_representation() -> None:
    """Tracebacks and logs may write these parts out: not with anybody's number."""
    people = BitMap([123456])
    for part in (_Marked("cell", np.array([123456], dtype=np.uint64)), _Laid([], people, 5), _Laying([], people)):
        assert "123456" not in repr(part)
