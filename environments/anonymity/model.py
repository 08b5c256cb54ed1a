"""What is asked of microdata, and what was found: classes, how many people they hold, and what they give away.

Definitions and their sources:

- equivalence class: the rows with the same quasi-identifiers. k: the size of the smallest class (Sweeney 2002). Where
  a column says whose each row is, the size is people and not rows (rules/disclosure.md, 2).
- l (distinct): the fewest values of a sensitive column in any class. entropy l: exp of the least entropy of a class.
  recursive (c, l): r1 < c (rl + ... + rm), r being a class's counts from the greatest to the least; recursive_c is the
  greatest r1 / (rl + ... + rm), so that every c above it holds (Machanavajjhala and others 2007).
- t: the greatest earth mover's distance between the values of a class and of the whole table: half the sum of the
  differences where values have no order, the mean of the cumulated differences where they have (Li and others 2007).
  A null stands after all numbers.
- a null is a value of its own; or it matches every value (the "maybe match" of Ciglic, Eder and Koncilia 2016): then a
  class is judged with all rows that may agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from environments.anonymity.errors import ColumnsUnfit

NEARLY = 1e-9
"""A t that differs from what is required by less is the same: both are sums of fractions."""


class NullRule(StrEnum):
    """What an empty cell is: a value of its own, or one that matches every value."""

    OWN_VALUE = "own-value"
    WILDCARD = "wildcard"


@dataclass(frozen=True)
class ColumnRoles:
    """What the columns of microdata are. categorical: sensitive columns whose numbers are codes without an order.

    Raises ColumnsUnfit: no quasi-identifier, or one column in two roles.
    """

    quasi: tuple[str, ...]
    sensitive: tuple[str, ...] = ()
    person: str | None = None
    categorical: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.quasi:
            raise ColumnsUnfit("No quasi-identifier is named.", where="--quasi", mend="Name one column at least.")
        named = self.columns
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ColumnsUnfit(f"A column is named twice: {', '.join(twice)}.", mend="Give each column one role.")
        if strange := sorted(self.categorical - set(self.sensitive)):
            raise ColumnsUnfit(
                f"Not among the sensitive columns: {', '.join(strange)}.",
                where="--categorical",
                mend="Name columns of --sensitive.",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """All named columns, each as often as it was named."""
        return (*self.quasi, *self.sensitive, *((self.person,) if self.person else ()))


@dataclass(frozen=True)
class AnonymityRequirement:
    """What each class must have; None: nothing is asked. Raises ColumnsUnfit for a number that means nothing."""

    k: int | None = None
    l: int | None = None  # noqa: E741 - its name in the field
    t: float | None = None

    def __post_init__(self) -> None:
        if (self.k is not None and self.k < 1) or (self.l is not None and self.l < 1):
            raise ColumnsUnfit("k and l are whole numbers from 1.", where="--k, --l", mend="Ask for 1 or more.")
        if self.t is not None and not 0 <= self.t <= 1:
            raise ColumnsUnfit("t is a number from 0 to 1.", where="--t", mend="Usual are 0.1 to 0.3.")

    def needs_sensitive(self) -> bool:
        """Does it ask for something that only a sensitive column can show?"""
        return self.l is not None or self.t is not None


@dataclass(frozen=True)
class SensitiveOutcome:
    """What the classes give away of one sensitive column.

    ordered: its values are numbers, between which the distance counts. recursive_l: for which l recursive_c is;
    recursive_c is None where a class has fewer values. shared: classes in which one value is everybody's, though there
    are others.
    """

    column: str
    ordered: bool
    l: int  # noqa: E741 - its name in the field
    entropy_l: float
    recursive_l: int
    recursive_c: float | None
    t: float
    shared: int


@dataclass(frozen=True)
class FailingClass:
    """A class below what is required: its quasi-identifiers, its size, its least l and greatest t, what it fails.

    size: people, or rows where nothing says whose they are; with nulls that match, of all that may agree with it.
    places: the lines of its own rows in the file (row numbers from 1 in a Parquet file).
    """

    categories: dict[str, str | None]
    size: int
    l: int | None  # noqa: E741 - its name in the field
    t: float | None
    fails: tuple[str, ...]
    places: tuple[int, ...]

    @property
    def name(self) -> str:
        """The class in words."""
        return ", ".join(f"{column}={'(empty)' if code is None else code}" for column, code in self.categories.items())


@dataclass(frozen=True)
class AnonymityResult:
    """How anonymous microdata are, and which classes fall short. l and t are None where no column is sensitive.

    smallest: the sizes are of people where people is not None. places_are: "line" or "row".
    """

    required: AnonymityRequirement
    nulls: NullRule
    rows: int
    people: int | None
    classes: int
    k: int
    sensitive: tuple[SensitiveOutcome, ...]
    failing: tuple[FailingClass, ...]
    places_are: str

    @property
    def l(self) -> int | None:  # noqa: E743 - its name in the field
        """The least l of the sensitive columns."""
        return min((one.l for one in self.sensitive), default=None)

    @property
    def t(self) -> float | None:
        """The greatest t of the sensitive columns."""
        return max((one.t for one in self.sensitive), default=None)

    @property
    def passed(self) -> bool:
        """Does every class have what is required?"""
        return not self.failing

    @property
    def rows_failing(self) -> int:
        """Rows in classes that fall short."""
        return sum(len(one.places) for one in self.failing)


@dataclass(frozen=True)
class Generalisation:
    """How microdata were made coarser, what that lost, and how anonymous they are now.

    levels: of each quasi-identifier, of heights. loss, 0 to 1: the mean of all cells' losses, a row left out losing
    all (Iyengar 2002); losses: the same by column. discernibility: the sum over rows of how many rows each is like, a
    row left out being like all (Bayardo and Agrawal 2005). nodes: generalisations that there are; counted: how many of
    them were counted to know that none loses less. result: measured from scratch on what is left.
    """

    levels: dict[str, int]
    heights: dict[str, int]
    loss: float
    losses: dict[str, float]
    rows: int
    suppressed: int
    discernibility: int
    nodes: int
    counted: int
    result: AnonymityResult
