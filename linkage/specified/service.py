"""From files and a specification to figures: write alike, block, learn, weigh, join, and hold it against the truth."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from audit.progress import Progress, silent
from linkage.full_disks import no_room, no_room_told
from linkage.specified.certain import certain_pairs
from linkage.specified.engine import VERSION, SplinkEngine, rounded
from linkage.specified.errors import ColumnMissing, SpecifiedError, TruthUnreadable, columns_near
from linkage.specified.faults import disagreements
from linkage.specified.frozen import FrozenModel, load_model
from linkage.specified.joining import clusters, for_one_to_one, left_alone, one_to_one
from linkage.specified.pairs import Blocking, Key, choose_blocking, make_pairs
from linkage.specified.quality import Counts, curve
from linkage.specified.reading import read_people, short_lines
from linkage.specified.specification import Specification
from linkage.specified.truth import Truth, read_truth, record_ids, together
from linkage.specified.unread import Unread, unread_dates
from linkage.specified.weighing import Weighing
from linkage.specified.written import written

CERTAIN_SHARE = 0.5  # of the true pairs that certain steps are taken to find, before the pairs are weighed
MOST_FAULTS = 50_000
MOST_TRAINING = 5


@dataclass(frozen=True)
class Linked:
    """What was linked: every compared pair with its weight, those that became links, or each record's cluster."""

    scored: pl.DataFrame  # l, r, weight
    links: pl.DataFrame | None
    cluster: Any | None
    blocking: Blocking
    compared: int
    certain: int
    model: FrozenModel
    prior: float
    left_alone: int = 0  # records with several partners that fit, and no link, because one to one takes one at most
    learned: bool = True  # from these files or in the model that was given; else too small: weighed by what is usual


@dataclass(frozen=True)
class Evaluation:
    """The figures, ready to be printed: counts and rates, never a value."""

    counts: Counts
    scored: Counts
    lost_by_blocking: int
    curve: list[dict[str, float]]
    errors: dict[str, Any]
    records: tuple[int, ...]
    linked: Linked
    threshold: float
    seconds: float
    unmatched: int = 0  # rows of the truth that name no record of the files
    unread: tuple[Unread, ...] = ()  # dates that could not be read
    short: tuple[int, ...] = ()  # lines of each file with fewer fields than its headings

    def as_dict(self) -> dict[str, Any]:
        """All of it for a program."""
        return {
            **self.counts.as_dict(),
            "threshold": self.threshold,
            "truth_rows_unmatched": self.unmatched,
            "records": list(self.records),
            "short_lines": list(self.short),
            "unread_dates": [asdict(one) for one in self.unread],
            "candidate_pairs": self.linked.compared,
            "blocking": [{"on": list(rule), "pairs": pairs} for rule, pairs in self.linked.blocking.rules.items()],
            "blocking_changed": self.linked.blocking.changed,
            "true_pairs_lost_by_blocking": self.lost_by_blocking,
            "certain_pairs": self.linked.certain,
            "prior": self.linked.prior,
            "records_left_alone": self.linked.left_alone,
            "learned": self.linked.learned,
            "pairs_before_joining": self.scored.as_dict(),
            "errors": self.errors,
            "curve": self.curve,
            "seconds": round(self.seconds, 1),
            "model": self.linked.model.model_dump(),
        }


def evaluate_files(
    left: Path,
    right: Path | None,
    specification: Specification,
    truth: str,
    *,
    model: Path | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Link by the specification, without labels, and measure against the truth. Raises SpecifiedError's family."""
    started = time.monotonic()
    used = {h for column in specification.columns for is_right in (False, True) for h in column.headings(is_right)}
    if truth in used and not Path(truth).is_file():
        raise SpecifiedError(
            f"The column '{truth}' is to measure with, and the specification compares it.",
            where="--truth",
            mend="What says who is who is never evidence: take it out of 'columns' and name it under 'ignored'.",
        )
    frames = _read(left, right, specification, progress)
    called = (left.name.split(".")[0], right.name.split(".")[0] if right else "")
    known = read_truth(truth, specification, frames[0], frames[1] if right else None, files=called)
    if not known.true_pairs():
        raise TruthUnreadable(
            "By this truth no two records are one person: there is nothing to measure.",
            where="--truth",
            mend="Does it name these files' records? Where a record's name holds its person's, say which part: 'truth: "
            "{column, pattern}' in the specification; rec-17-org and rec-17-dup-0 are 17 by '^rec-([0-9]+)-'.",
        )
    with _engine(frames, specification) as engine:
        linked = link(engine, frozen=_frozen(model, specification), progress=progress)
        progress("measuring", 0, None)
        found = _measured(engine, linked, known, started)
    short = tuple(short_lines(path, frame) for path, frame in zip((left, right), frames, strict=False) if path)
    unread = unread_dates(frames, specification.columns)
    return replace(found, unmatched=known.unmatched, unread=unread, short=short)


def link_files(
    left: Path,
    right: Path | None,
    specification: Specification,
    *,
    model: Path | None = None,
    progress: Progress = silent,
) -> tuple[Linked, list[pl.DataFrame]]:
    """Link by the specification; and the files as they were read. Raises SpecifiedError's family."""
    frames = _read(left, right, specification, progress)
    with _engine(frames, specification) as engine:
        return link(engine, frozen=_frozen(model, specification), progress=progress), frames


def _read(left: Path, right: Path | None, specification: Specification, progress: Progress) -> list[pl.DataFrame]:
    """The files, with every column that the specification names and a name for each record.

    Raises SpecifiedError's family.
    """
    if (right is not None) != (specification.files == 2):
        raise SpecifiedError(
            f"The specification is for {'two files' if specification.files == 2 else 'one file'}; "
            f"{'two are' if right else 'one is'} named.",
            mend="Name as many files as the specification says: one to find duplicates, two to link.",
        )
    progress("reading", 0, None)
    frames = [read_people(path) for path in (left, right) if path is not None]
    for path, frame, is_right in zip((left, right), frames, (False, True), strict=False):
        check_columns(specification, frame, str(path), right=is_right)
        record_ids(specification, frame, right=is_right)
    return frames


def _frozen(model: Path | None, specification: Specification) -> FrozenModel | None:
    return None if model is None else load_model(model, engine="duckdb", version=VERSION, digest=specification.digest)


@contextmanager
def _engine(frames: list[pl.DataFrame], specification: Specification) -> Iterator[SplinkEngine]:
    """The people of the files. Raises NoRoom, also of what is done with it."""
    people = [written(frame, specification.columns, right=place == 1) for place, frame in enumerate(frames)]
    with (
        no_room_told(no_room),
        closing(SplinkEngine(specification, people[0], people[1] if len(people) > 1 else None)) as engine,
    ):
        yield engine


def check_columns(specification: Specification, frame: pl.DataFrame, name: str, *, right: bool) -> None:
    """Has the file every column the specification names? Raises ColumnMissing, which lists those there are."""
    wanted = [heading for column in specification.columns for heading in column.headings(right)]
    identity = specification.id_heading(right)
    missing = [h for h in [*wanted, *([identity] if identity else [])] if h not in frame.columns]
    if missing:
        raise ColumnMissing(
            f"The file has no column {', '.join(repr(heading) for heading in dict.fromkeys(missing))}.",
            where=name,
            mend=f"{columns_near(missing, frame.columns)} Correct the headings in the specification.",
        )


def link(engine: SplinkEngine, *, frozen: FrozenModel | None = None, progress: Progress = silent) -> Linked:
    """Link the engine's people; nothing here knows a truth."""
    specification, two = engine.specification, engine.two
    blocking, certain, first = _find_pairs(engine, progress)
    known = Weighing(engine, first)
    model = frozen
    if model is None:
        trained = engine.train(training_rules(engine, blocking), first, progress, few=True)
        model = known.counted_again(trained, progress)
    progress("weighing pairs", 0, None)
    evidence = known.evidence(model)
    prior = known.prior(evidence)
    scored = known.weighed(evidence, prior)
    progress("joining", 0, None)
    links, cluster, alone = None, None, 0
    if not two:
        cluster = clusters(scored, engine.sizes[0], specification.link.threshold)
    elif specification.link.one_to_one:
        fitting = scored
        scored = for_one_to_one(fitting, *engine.sizes)
        links = one_to_one(scored)
        alone = left_alone(fitting, links, specification.link.threshold)
    return Linked(scored, links, cluster, blocking, scored.height, certain, model, prior, alone, engine.learned)


def learn(engine: SplinkEngine, *, progress: Progress = silent) -> FrozenModel:
    """A model of the engine's people, without labels; its prior is the share of all pairs that it finds true.

    Raises CannotTrain, TooManyPairs.
    """
    blocking, _, first = _find_pairs(engine, progress)
    known = Weighing(engine, first, kinds=False)
    model = known.counted_again(engine.train(training_rules(engine, blocking), first, progress), progress)
    return model.model_copy(update={"prior": rounded(known.prior(known.evidence(model)))})


def _find_pairs(engine: SplinkEngine, progress: Progress) -> tuple[Blocking, int, float]:
    """The table `pairs`, by blocking and by certain steps; the rules, the certain pairs, and a first prior."""
    progress("blocking", 0, None)
    blocking = choose_blocking(engine.con, engine.specification)
    make_pairs(engine.con, list(blocking.rules), "blocked_pairs", two=engine.two)
    certain = certain_pairs(engine.con, engine.specification)
    engine.con.execute(
        "CREATE TABLE pairs AS SELECT l, r FROM blocked_pairs UNION SELECT l, r FROM certain ORDER BY l, r"
    ).fetchall()
    return blocking, certain, engine.specification.link.prior or first_guess(engine, certain)


def first_guess(engine: SplinkEngine, certain: int) -> float:
    """The share of all possible pairs that are one person's, before any pair is weighed."""
    left, right = engine.sizes
    without = 0.5 * (min(left, right) if engine.two else left)
    expected = certain / CERTAIN_SHARE if certain else without
    return min(max(expected, 1.0) / max(engine.possible_pairs, 1), 0.3)


def training_rules(engine: SplinkEngine, blocking: Blocking) -> list[Key]:
    """The specification's own; else every blocking rule of two whole columns or more, fewest pairs first."""
    if engine.specification.training:
        return list(engine.specification.training)
    rules = [rule for rule in sorted(blocking.rules, key=lambda rule: (blocking.rules[rule], rule)) if len(rule) > 1]
    return rules[:MOST_TRAINING] or list(blocking.rules)[:MOST_TRAINING]


def _measured(engine: SplinkEngine, linked: Linked, truth: Truth, started: float) -> Evaluation:
    threshold = engine.specification.link.threshold
    scored = linked.scored.with_columns(true=truth.marks(linked.scored))
    total, reached = truth.true_pairs(), int(scored["true"].sum())
    above = scored.filter(pl.col("weight") >= threshold)
    by_pairs = Counts(total, above.height, int(above["true"].sum()))
    if linked.cluster is not None:
        counts = Counts(total, together(linked.cluster), truth.right_in_clusters(linked.cluster))
        points = curve(scored, total)
        wrong = above.filter(~pl.col("true"))
        missed = truth.missed_of(linked.cluster, MOST_FAULTS)
    else:
        kept = linked.scored if linked.links is None else linked.links
        kept = kept.with_columns(true=truth.marks(kept))
        links = kept.filter(pl.col("weight") >= threshold)
        counts = Counts(total, links.height, int(links["true"].sum()))
        points = curve(kept, total)
        wrong = links.filter(~pl.col("true"))
        missed = truth.all_pairs().join(links, on=["l", "r"], how="anti").sort("l", "r").head(MOST_FAULTS)
    errors = {
        "missed_not_compared": total - reached,
        "missed_below_threshold": reached - by_pairs.right,
        "wrong_above_threshold": by_pairs.found - by_pairs.right,
        "missed_by_column": disagreements(engine, missed),
        "wrong_by_column": disagreements(engine, wrong),
    }
    records = tuple(size for size in engine.sizes if size)
    return Evaluation(
        counts, by_pairs, total - reached, points, errors, records, linked, threshold, time.monotonic() - started
    )
