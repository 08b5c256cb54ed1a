"""Whose rules apply? Each owner's profile is a versioned file; a linked project gets the strictest of its owners.

Rule: rules/disclosure.md, 1. Each combined rule remembers which owners caused it. An unknown key or name is an error.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from access.documents import load_document
from audit.model import Json
from environments.disclosure.errors import UnknownProfile

PROFILES_FOLDER = Path(__file__).parent / "profiles"

Zero = Literal["shown", "structural", "hidden"]
Totals = Literal["from_true_values", "sum_of_rounded"]
FullCells = Literal["shown", "refused"]
# from the mildest to the strictest
ZERO_ORDER: tuple[Zero, ...] = ("shown", "structural", "hidden")
TOTALS_ORDER: tuple[Totals, ...] = ("from_true_values", "sum_of_rounded")
FULL_ORDER: tuple[FullCells, ...] = ("shown", "refused")


class CountRules(BaseModel):
    """What is asked of counts of people. base: round to its multiples; None: as counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    smallest_shown: int = Field(ge=1)
    zero: Zero
    mask_may_hide_zero: bool
    base: int | None = Field(ge=2)
    totals: Totals
    full_cells: FullCells
    midpoint_6: bool  # may the author use midpoint-6 rounding instead?
    cell_key: bool = False  # may the haven perturb by cell keys instead of rounding?
    masks: tuple[str, ...] = Field(min_length=1)
    least_hidden_values: int = Field(ge=2)  # an attacker must be left with so many values of a hidden small count


class Dominance(BaseModel):
    """The n largest contributors may not make more than the share k of an amount."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    n: int = Field(ge=1, le=10)
    k: float = Field(gt=0, lt=1)


class PriorKnowledge(BaseModel):
    """pq: a contributor who knows the others' to the share q beforehand may not come to know the largest's to p."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    p: float = Field(gt=0, lt=1)
    q: float = Field(gt=0, le=1)


class AmountRules(BaseModel):
    """What is asked of amounts added up over people: sums and means."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    smallest_contributors: int = Field(ge=1)
    dominance: tuple[Dominance, ...]  # each must hold; none: not asked for
    p_percent: float | None = Field(gt=0, lt=1)
    pq: tuple[PriorKnowledge, ...]
    same_value: FullCells  # everybody contributes the same

    @property
    def contributions_asked(self) -> int:
        """How many of the largest contributions these rules look at."""
        pairs = 2 if self.p_percent is not None or self.pq else 0
        return max([pairs, *(one.n for one in self.dominance)])


class Profile(BaseModel):
    """One owner's rules, versioned."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    version: int = Field(ge=1)
    title: str
    owner: str
    source: str
    counts: CountRules
    amounts: AmountRules


@dataclass(frozen=True)
class Criteria:
    """The rules in force for one table: of one owner, or the strictest of several; causes: rule -> profile ids."""

    name: str
    profiles: tuple[Profile, ...]
    counts: CountRules
    amounts: AmountRules
    causes: dict[str, tuple[str, ...]]

    def as_data(self) -> dict[str, Json]:
        """Machine-readable, as stored with every release."""
        return {
            "profiles": [{"id": one.id, "version": one.version, "owner": one.owner} for one in self.profiles],
            "counts": self.counts.model_dump(mode="json"),
            "amounts": self.amounts.model_dump(mode="json"),
            "causes": {rule: list(ids) for rule, ids in self.causes.items()},
            "digest": self.digest(),
        }

    def digest(self) -> str:
        """Changes when any owner's rule changes."""
        text = "\n".join(profile.model_dump_json() for profile in self.profiles)
        return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1)
def all_profiles() -> dict[str, Profile]:
    """Every shipped profile by id. Raises DocumentError naming the line of a wrong key."""
    found = [load_document(path, Profile) for path in sorted(PROFILES_FOLDER.glob("*.yaml"))]
    return {profile.id: profile for profile in found}


def criteria(name: str) -> Criteria:
    """The rules of a profile, or of several joined by '+' (`hes+ons`). Raises UnknownProfile."""
    known = all_profiles()
    asked = sorted(set(name.split("+")))
    missing = [one for one in asked if one not in known]
    if missing:
        raise UnknownProfile(
            "There is no disclosure profile of this name.",
            where=f"profile {name}",
            mend=f"Use one of {', '.join(known)}, or several joined by '+': the strictest applies.",
        )
    return strictest([known[one] for one in asked])


def strictest(profiles: Sequence[Profile]) -> Criteria:
    """The strictest combination, rule by rule. Raises UnknownProfile when there is none: no rules is no check."""
    if not profiles:
        raise UnknownProfile("A table is checked under at least one owner's profile.", mend="Name the profile.")
    rules = [profile.counts for profile in profiles]
    combined = CountRules(
        smallest_shown=max(rule.smallest_shown for rule in rules),
        zero=max((rule.zero for rule in rules), key=ZERO_ORDER.index),
        mask_may_hide_zero=all(rule.mask_may_hide_zero for rule in rules),
        base=_base([rule.base for rule in rules]),
        totals=max((rule.totals for rule in rules), key=TOTALS_ORDER.index),
        full_cells=max((rule.full_cells for rule in rules), key=FULL_ORDER.index),
        midpoint_6=all(rule.midpoint_6 for rule in rules),
        cell_key=all(rule.cell_key for rule in rules),
        masks=_masks([rule.masks for rule in rules]),
        least_hidden_values=max(rule.least_hidden_values for rule in rules),
    )
    if combined.zero != "shown":  # a zero that may not be shown must be allowed under the mask
        combined = combined.model_copy(update={"mask_may_hide_zero": True})
    name = "+".join(profile.id for profile in profiles)
    amounts = _strictest_amounts([profile.amounts for profile in profiles])
    causes = _causes([(one.id, one.counts) for one in profiles], combined)
    causes |= _causes([(one.id, one.amounts) for one in profiles], amounts)
    return Criteria(name, tuple(profiles), combined, amounts, causes)


def _strictest_amounts(rules: Sequence[AmountRules]) -> AmountRules:
    """Every owner's dominance and prior knowledge holds; of the rest the strictest."""
    percents = [one.p_percent for one in rules if one.p_percent is not None]
    return AmountRules(
        smallest_contributors=max(one.smallest_contributors for one in rules),
        dominance=tuple(dict.fromkeys(rule for one in rules for rule in one.dominance)),
        p_percent=max(percents, default=None),
        pq=tuple(dict.fromkeys(rule for one in rules for rule in one.pq)),
        same_value=max((one.same_value for one in rules), key=FULL_ORDER.index),
    )


def _base(bases: Sequence[int | None]) -> int | None:
    """A multiple of every base: what is rounded so satisfies each owner."""
    asked = [base for base in bases if base is not None]
    return math.lcm(*asked) if asked else None


def _masks(masks: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The marks that every owner knows; each profile knows [c], so there is always one."""
    common = [mask for mask in masks[0] if all(mask in others for others in masks)]
    return tuple(common) or ("[c]",)


def _causes(asked: Sequence[tuple[str, BaseModel]], combined: BaseModel) -> dict[str, tuple[str, ...]]:
    """Which owners ask for exactly the rule in force; all of them where it lies between theirs."""
    everyone = tuple(name for name, _ in asked)
    causes = {}
    for rule in type(combined).model_fields:
        value = getattr(combined, rule)
        causes[rule] = tuple(name for name, one in asked if getattr(one, rule) == value) or everyone
    return causes
