"""Which identifiers does a flow carry that its support does not name? Section 251 supports what its letter names.

A contract says of each column what it identifies; a letter names the same things, at times more shortly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

KINDS = frozenset(
    {"nhs_number", "surname", "forenames", "full_name", "sex", "date_of_birth", "postcode", "address", "local_id"}
)
"""What a column of a contract can identify."""
_NAMES = frozenset({"surname", "forenames", "full_name"})
MEANS: Mapping[str, frozenset[str]] = {
    **{one: frozenset({one}) for one in KINDS},
    "name": _NAMES,
    "names": _NAMES,
    "full_name": _NAMES,
    "gender": frozenset({"sex"}),
    "dob": frozenset({"date_of_birth"}),
    "address": frozenset({"address", "postcode"}),
}
"""What a letter's word covers. A word that does not stand here covers nothing."""


def not_named(carried: Collection[str], named: Iterable[str]) -> list[str]:
    """The identifiers that are carried and not named, in the contract's words. named: as the letter writes them."""
    covered: set[str] = set()
    for word in named:
        covered |= MEANS.get("_".join(word.lower().replace("-", " ").split()), frozenset())
    if {"surname", "forenames"} <= covered:
        covered.add("full_name")
    return sorted(set(carried) - covered)
