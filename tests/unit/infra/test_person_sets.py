"""Who stands behind a query, where keys or memory are missing: said in a sentence; the request fails or returns."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from access.keys import HeldKey, KeyRingError
from environments.airlock.errors import EvidenceBroken, PeopleUnknown
from infra.person_sets import LedgerSets
from tests.fakes.query_evidence import QUERY, TRUE_COUNTS, as_sealed, counted


def sets(*, listed: Any = None, keys: Any = None) -> LedgerSets:
    """With evidence, a scope, and what its listing or its keys end in."""
    evidence = Mock()
    evidence.open.return_value = as_sealed(counted(TRUE_COUNTS, "age", "sex"), "falls")
    people = Mock()
    people.of.side_effect = listed

    def keys_of(project: str) -> tuple[HeldKey, HeldKey]:
        raise keys

    return LedgerSets(evidence, Mock(), people, keys_of)


def test_a_key_ring_that_does_not_open() -> None:
    """The check has failed: nothing can be tested until the data team mends it."""
    with pytest.raises(EvidenceBroken, match="locked"):
        sets(keys=KeyRingError("The key ring is locked.", mend="Unlock it.")).of("falls", QUERY)


def test_more_people_than_there_is_memory_for() -> None:
    """Its author is told what to do."""
    with pytest.raises(PeopleUnknown, match="Too many people"):
        sets(listed=MemoryError()).of("falls", QUERY)
