"""By which agreements are two records one person's? Named steps from the most certain to the least.

Guards on every step: two different valid NHS numbers never become one person; a record that fits several persons is
linked to none of them, and says so. After CPRD's eight steps, with the guard and with names (design section 8).
"""

from __future__ import annotations

from dataclasses import dataclass

FIELDS = {
    "n": "NHS number",
    "f": "surname",
    "g": "forename",
    "gi": "forename's initial",
    "fs": "surname's sound",
    "nm": "surname and forename in either order",
    "s": "sex",
    "b": "date of birth",
    "b_known": "date of birth, not 1 January",
    "b_swap": "date of birth, day and month in either order",
    "b_y": "year of birth",
    "b_ym": "year and month of birth",
    "b_yd": "year and day of birth",
    "b_md": "day and month of birth",
    "p": "postcode",
}
"""The elementary tokens of a record, each with the words for it."""


Key = tuple[str, ...]
IMPLIED = {"b_known": "b"}
"""A field whose agreement is agreement on another too."""


@dataclass(frozen=True)
class LadderStep:
    """One step: agreement on every field of one of `keys`.

    same_initial: the forenames known in what is joined must begin alike: the guard for twins and siblings where the
    key holds no forename. once: two people of one register (a dataset with one row a person) are not joined by so
    little, nor is anybody who fits both: among a million people names and birthday repeat, and a number may have been
    recorded for somebody else of the house. no_twins: two people of one register are joined only if their forenames
    begin alike.
    """

    number: int
    label: str
    keys: tuple[Key, ...]
    same_initial: bool = False
    once: bool = False
    no_twins: bool = False

    @property
    def certain(self) -> bool:
        """Does every key hold the NHS number?"""
        return all("n" in key for key in self.keys)

    @property
    def guards(self) -> tuple[str, ...]:
        """Whom it does not join though a key agrees, in words."""
        words = {
            "people whose forenames begin differently": self.same_initial,
            "two people of one register": self.once,
            "two people of one register whose forenames begin differently": self.no_twins,
        }
        return tuple(said for said, asked in words.items() if asked)

    def __post_init__(self) -> None:
        if unknown := {field for key in self.keys for field in key} - set(FIELDS):
            raise ValueError(f"step {self.number} names unknown fields: {', '.join(sorted(unknown))}")


ON_EVERY_STEP = (
    "two different valid NHS numbers, also not through a chain (a number that two datasets know as another person's"
    " tells nothing of whom one dataset alone knows by it)",
    "a record that fits several persons to any of them",
)
"""Whom no step joins, in words: the guard against contradictions, and the one against guessing."""
PARTS_OF_BIRTH = ("b_ym", "b_yd", "b_md", "b_swap")
LADDER: tuple[LadderStep, ...] = (
    LadderStep(1, "NHS number, date of birth, sex, postcode", (("n", "b", "s", "p"),), no_twins=True),
    LadderStep(2, "NHS number, date of birth, sex", (("n", "b", "s"),), no_twins=True),
    LadderStep(3, "NHS number, date of birth", (("n", "b"),), no_twins=True),
    LadderStep(
        4, "NHS number, sex, postcode, part of birthday", tuple(("n", "s", "p", b) for b in PARTS_OF_BIRTH), once=True
    ),
    LadderStep(5, "NHS number, surname, forename", (("n", "f", "g"), ("n", "nm")), once=True),
    LadderStep(
        6, "NHS number, sex, part of birthday", tuple(("n", "s", b) for b in (*PARTS_OF_BIRTH, "b_y")), once=True
    ),
    LadderStep(7, "NHS number, forename, year of birth or postcode", (("n", "g", "b_y"), ("n", "g", "p")), once=True),
    LadderStep(8, "surname, forename, date of birth, postcode", (("f", "g", "b", "p"),), once=True),
    LadderStep(
        9,
        "surname and forename in either order, date of birth, sex",
        (("f", "g", "b", "s"), ("nm", "b", "s")),
        once=True,
    ),
    LadderStep(
        10,
        "surname, forename, sex, postcode, part of birthday",
        tuple(("f", "g", "s", "p", b) for b in (*PARTS_OF_BIRTH, "b_y")),
        once=True,
    ),
    LadderStep(11, "forename, date of birth, sex, postcode", (("g", "b", "s", "p"),), once=True),
    LadderStep(
        12,
        "surname's sound, forename's initial, date of birth, sex, postcode",
        (("fs", "gi", "b", "s", "p"),),
        once=True,
    ),
    LadderStep(
        13, "date of birth (not 1 January), sex, postcode", (("b_known", "s", "p"),), same_initial=True, once=True
    ),
    LadderStep(
        14, "surname's sound, forename, date of birth (not 1 January), sex", (("fs", "g", "b_known", "s"),), once=True
    ),
    LadderStep(15, "surname, forename, date of birth", (("f", "g", "b_known"),), once=True),
)


@dataclass(frozen=True)
class Stretch:
    """Steps that look at the same records: the open ones, and those that agree with one of them on a key of `near`.

    Open is who has no record in a second dataset yet. near empty: every record is looked at. Each key of the steps
    holds all of one key of `near`, which is what makes it right to look no further.

    contests: the steps of the NHS number end here. A number that several clusters still hold, one of them by the word
    of two datasets, is that one's; whom one dataset alone knows by it may from now on be joined by what else is known
    (the guard lets go).
    """

    steps: tuple[LadderStep, ...]
    near: tuple[Key, ...] = ()
    contests: bool = False

    def __post_init__(self) -> None:
        for key in (key for step in self.steps for key in step.keys if self.near):
            have = {IMPLIED.get(field, field) for field in key} | set(key)
            if not any(have.issuperset(one) for one in self.near):
                raise ValueError(f"the key {', '.join(key)} could join records that are not looked at")

    @property
    def only_key(self) -> tuple[LadderStep, Key]:
        """Of the first stretch. Raises ValueError where it is not one key over everybody."""
        if self.near or sum(len(step.keys) for step in self.steps) != 1:
            raise ValueError("the ladder begins with one key over every record")
        (step,) = self.steps
        return step, step.keys[0]


STRETCHES = (
    Stretch(LADDER[:1]),
    Stretch(LADDER[1:7], near=(("n",),), contests=True),
    Stretch(LADDER[7:], near=(("g", "p"), ("b", "p"), ("g", "b"), ("nm", "b"))),
)
LAST_STEP = LADDER[-1].number
MODEL_STEP, DECIDED_STEP = LAST_STEP + 1, LAST_STEP + 2
AFTER_LADDER = {MODEL_STEP: "weighed by the approved model", DECIDED_STEP: "decided by a reviewer"}
"""The steps after the ladder's own (linkage.matching.residual)."""
NOT_JOINED = 0
"""The step of a record that no step joined to another."""
STEP_LABELS: dict[int, str] = {
    NOT_JOINED: "joined to no other record",
    **{step.number: step.label for step in LADDER},
    **AFTER_LADDER,
}
"""Every step that a link can name, in words."""
