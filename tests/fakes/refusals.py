"""By which rule is a call refused?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from access.decisions import RefusedError


def refused(call: Callable[[], object]) -> str:
    """The code of the refusal that the call meets; it says why."""
    with pytest.raises(RefusedError) as told:
        call()
    assert told.value.refused.reason
    return told.value.refused.code
