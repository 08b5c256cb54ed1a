"""Who is one person? The ladder run over clusters of records, as named SELECTs that any engine runs (engines.port).

A cluster is what is known to be one person so far. On each step clusters that agree on the step's key are joined,
unless a guard says no: then they stay as they are, and the reason is kept. A guard is asked of the key's group, and
again of everything that the step would join in one go. Who was whom before plays no part: see neighbourhood and spine.

Lazily: a cluster with a record in every dataset (where there are several) is settled. After the first step only what is
open, and what lies near it, is looked at: a step costs what is open and not what there is (ladder.STRETCHES).
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.progress import Progress, silent
from linkage.matching.engines.port import LadderEngine
from linkage.matching.ladder import FIELDS, STRETCHES, Key, LadderStep, Stretch

LARGEST_GROUP = 200
"""More records than this of one dataset under one key, and the key says nothing: somebody typed a filler.

They stay apart; what else is under the key is looked at without
them, so that no dataset takes a person from the others by repeating who they are.
"""
SEVERAL = "several_candidates"
CONTRADICTION = "nhs_number_contradicts"

OF_CLUSTER = ("c_n_low", "c_n_high", "c_first", "c_last", "c_datasets")
"""What a record knows of its cluster: NHS numbers, initials, datasets (a bit each)."""
WORK = ("record", "cluster", "step", *OF_CLUSTER)
"""The columns of `work`: who is whom so far. What is compared stays in `evidence`."""
SEEN = ("record", *FIELDS, "cluster", "step", *OF_CLUSTER, "was", "touched")
"""The columns of `seen`. was: the cluster when the stretch began; touched: the step that changed it since."""
NUMBERS = "min(c_n_low) AS n_low, max(c_n_high) AS n_high"
TRAITS = (
    f"{NUMBERS}, min(c_first) AS first_one, max(c_last) AS last_one, bit_or(c_datasets) AS datasets,"
    " sum(bit_count(c_datasets & {registers})) > bit_count(bit_or(c_datasets) & {registers}) AS twice"
)
"""What the guards ask of clusters taken together. twice: a register has records in several of them."""
TRAIT_NAMES = ("n_low", "n_high", "first_one", "last_one", "datasets")
CONTRADICTS = "coalesce(n_low <> n_high, false)"
GOOD = f"NOT {CONTRADICTS}"
ONCE = " AND NOT twice"
ALIKE = " AND coalesce(first_one = last_one, true)"
NO_TWINS = " AND NOT (twice AND coalesce(first_one <> last_one, false))"
NEW = {"cluster": "l.label", **{mine: f"l.{trait}" for mine, trait in zip(OF_CLUSTER, TRAIT_NAMES, strict=True)}}
"""Where `labels` has what a record knows of its cluster after a join."""
TABLES = (
    "work",
    "seen",
    "chosen",
    "doubts",
    "shared",
    "crowds",
    "members",
    "groups",
    "edges",
    "reached",
    "nearer",
    "chains",
)
"""What the ladder keeps, beside `labels` and one `near_<place>` for each near key of a stretch."""
OF_SEEN = (
    f"e.record, {', '.join('e.' + name for name in FIELDS)}, w.cluster, w.step,"
    f" {', '.join('w.' + name for name in OF_CLUSTER)}, w.cluster AS was, CAST(NULL AS SMALLINT) AS touched"
)
FROM_WORK = "FROM work w JOIN evidence e ON w.record = e.record"
EVERYBODY_ALONE = (
    f"SELECT e.record, {', '.join('e.' + name for name in FIELDS)}, e.n AS c_n_low, e.n AS c_n_high, e.gi AS c_first,"
    " e.gi AS c_last, d.bit AS c_datasets FROM evidence e JOIN datasets d ON e.dataset = d.dataset"
)
ALONE = f"{EVERYBODY_ALONE} SEMI JOIN pool p ON e.record = p.record"
"""Every record of the pool as a cluster of its own."""


@dataclass(frozen=True)
class _Guards:
    """What is asked of clusters before they are joined, as SQL over TRAITS. registers: their datasets' bits.

    open: is a cluster not yet found in every dataset? Where there is one dataset only, every cluster is open.
    only_registers: is every dataset a register? Then who is in all of them is complete: on a step that keeps registers'
    people apart (LadderStep.once) they are nobody's other half, and nobody is left alone for being like them.
    """

    open: str
    registers: int
    only_registers: bool

    @classmethod
    def over(cls, engine: LadderEngine) -> _Guards:
        """For the table `datasets`."""
        every, registers = engine.numbers(
            "SELECT CASE WHEN count(*) > 1 THEN bit_or(bit) ELSE 0 END,"
            " coalesce(bit_or(CASE WHEN register THEN bit END), 0) FROM datasets"
        )
        return cls(f"c_datasets <> {every}", registers, only_registers=every != 0 and every == registers)

    @property
    def traits(self) -> str:
        """TRAIT_NAMES, and `twice`, of clusters taken together."""
        return TRAITS.format(registers=self.registers)

    def traits_by(self, key: Key) -> str:
        """The same of records that agree on the key: an NHS number in it is the lowest and the highest."""
        return self.traits.replace(NUMBERS, "n AS n_low, n AS n_high") if "n" in key else self.traits

    def of(self, step: LadderStep) -> str:
        """May these be one person, as far as this step asks?"""
        asked = {ALIKE: step.same_initial, ONCE: step.once, NO_TWINS: step.no_twins}
        return GOOD + "".join(guard for guard, on in asked.items() if on)


def join_records(
    engine: LadderEngine, progress: Progress = silent, *, stretches: tuple[Stretch, ...] = STRETCHES
) -> None:
    """Run the ladder over `evidence` of those in `pool`; `datasets` has a bit for each dataset.

    Leaves `work` (WORK) and `doubts` (record, flag). The first stretch is one key, over everybody.
    """
    guards, alone = _Guards.over(engine), _alone(engine)
    keys = sum(len(step.keys) for stretch in stretches for step in stretch.steps)
    done = 1 if _begin_in_one_go(engine, guards, stretches[0].only_key, alone) else 0
    if not done:
        _begin_alone(engine, alone)
    for stretch in stretches[done:]:
        run = _StretchRun(engine, guards, stretch)
        run.look_at()
        for step in stretch.steps:
            for key in step.keys:
                progress(f"step {step.number}: {step.label}", done, keys)
                run.join_on(step, key)
                done += 1
        run.look_up()
        if stretch.contests:
            run.contest_numbers()
    progress("ladder", keys, keys)


def _alone(engine: LadderEngine) -> str:
    """ALONE; without asking each record for the pool where that is everybody."""
    (left_out,) = engine.numbers("SELECT (SELECT count(*) FROM evidence) - (SELECT count(*) FROM pool)")
    return ALONE if left_out else EVERYBODY_ALONE


def _begin_in_one_go(engine: LadderEngine, guards: _Guards, first: tuple[LadderStep, Key], alone: str) -> bool:
    """`work` and `doubts` after the first key: nobody is joined yet, so that a record is in one group and no chain.

    False, and nothing is kept, where more records are under one value of the key than a group may have.
    """
    step, key = first
    columns, same = ", ".join(key), " AND ".join(f"e.{name} = g.{name}" for name in key)
    engine.keep(
        "groups",
        f"SELECT {columns}, label, records, {', '.join(TRAIT_NAMES)}, {guards.of(step)} AS good"
        f" FROM (SELECT {columns}, min(record) AS label, count(*) AS records, {guards.traits_by(key)} FROM ({alone}) e"
        f" WHERE {_present(key)} GROUP BY {columns} HAVING count(*) > 1) g",
    )
    (crowded,) = engine.numbers(f"SELECT count(*) FILTER (WHERE records > {LARGEST_GROUP}) FROM groups")
    if crowded:
        return False
    known = ", ".join(
        f"CASE WHEN g.label IS NULL THEN e.{mine} ELSE g.{trait} END AS {mine}"
        for mine, trait in zip(OF_CLUSTER, TRAIT_NAMES, strict=True)
    )
    engine.keep(
        "work",
        f"SELECT e.record, coalesce(g.label, e.record) AS cluster, CASE WHEN g.label IS NOT NULL THEN"
        f" CAST({step.number} AS SMALLINT) END AS step, {known}"
        f" FROM ({alone}) e LEFT JOIN (SELECT * FROM groups WHERE good) g ON {same}",
    )
    engine.keep(
        "doubts",
        f"SELECT e.record, {_flag('e.n')} AS flag FROM ({alone}) e JOIN"
        f" (SELECT *, {CONTRADICTS} AS contradiction FROM groups WHERE NOT good) c ON {same.replace(' = g.', ' = c.')}",
    )
    return True


def _begin_alone(engine: LadderEngine, alone: str) -> None:
    """`work` and `doubts` before the first key."""
    known = ", ".join(f"e.{name}" for name in OF_CLUSTER)
    engine.keep(
        "work",
        f"SELECT e.record, e.record AS cluster, CAST(NULL AS SMALLINT) AS step, {known} FROM ({alone}) e",
    )
    engine.keep("doubts", f"SELECT record, '{SEVERAL}' AS flag FROM work WHERE cluster <> record")


def drop_work(engine: LadderEngine) -> None:
    """Remove what the ladder kept."""
    places = max(len(stretch.near) for stretch in STRETCHES)
    for name in (*TABLES, "labels", *(f"near_{place}" for place in range(places))):
        engine.drop(name)


class _StretchRun:
    """One stretch over the table `seen`."""

    def __init__(self, engine: LadderEngine, guards: _Guards, stretch: Stretch) -> None:
        self._engine = engine
        self._guards = guards
        self._stretch = stretch

    def look_at(self) -> None:
        """`seen`: of the open, and of the settled that matter to them, who agree with another on a key of `near`."""
        seen = f"SELECT {OF_SEEN} {FROM_WORK}"
        is_open, complete = f"w.{self._guards.open}", self._settled_are_complete()
        if not self._stretch.near:
            self._engine.keep("seen", f"{seen} WHERE {is_open}" if complete else seen)
            return
        # First the near keys alone, of everybody who may be looked at; the other fields of those who are.
        fields = ", ".join(f"e.{name}" for name in dict.fromkeys(name for key in self._stretch.near for name in key))
        asked = f"SELECT w.record, w.cluster, {fields} {FROM_WORK}"
        self._engine.keep("seen", f"{asked} WHERE {is_open}")
        if not complete:
            near, close = self._find_near("")
            self._engine.keep("seen", f"SELECT * FROM seen UNION ALL {asked}{near} WHERE NOT {is_open} AND {close}")
        near, close = self._find_near("HAVING min(cluster) <> max(cluster)")
        self._engine.keep("chosen", f"SELECT e.record FROM seen e{near} WHERE {close}")
        self._engine.keep("seen", f"{seen} SEMI JOIN chosen c ON w.record = c.record")

    def _find_near(self, which: str) -> tuple[str, str]:
        """`near_<place>`: the values of each near key in `seen`; how `e` joins them, and whether it found any."""
        joins, close = "", []
        for place, key in enumerate(self._stretch.near):
            near, columns = f"near_{place}", ", ".join(key)
            self._engine.keep(near, f"SELECT {columns} FROM seen WHERE {_present(key)} GROUP BY {columns} {which}")
            joins += f" LEFT JOIN {near} ON " + " AND ".join(f"e.{name} = {near}.{name}" for name in key)
            close.append(f"{near}.{key[0]} IS NOT NULL")
        return joins, f"({' OR '.join(close)})"

    def _settled_are_complete(self) -> bool:
        """Do the settled play no part here? By the datasets alone, so that what came when changes nothing."""
        return self._guards.only_registers and all(step.once for step in self._stretch.steps)

    def look_up(self) -> None:
        """What the stretch joined goes into `work`, also for a joined cluster's records that were not looked at."""
        of_cluster = ", ".join(
            f"any_value({mine}) AS {trait}" for mine, trait in zip(OF_CLUSTER, TRAIT_NAMES, strict=True)
        )
        self._engine.keep(
            "labels",
            f"SELECT was AS cluster, any_value(cluster) AS label, {of_cluster}, min(touched) AS touched"
            " FROM seen WHERE touched IS NOT NULL GROUP BY was",
        )
        self._engine.change("work", WORK, {**NEW, "step": "coalesce(work.step, l.touched)"})

    def contest_numbers(self) -> None:
        """The guard lets go of clusters of one dataset whose NHS number is another's by two datasets' word.

        One dataset's word is not enough: whoever could plant a bare number would take the guard from its owner.
        """
        self._engine.keep(
            "labels",
            "SELECT DISTINCT s.cluster FROM seen s JOIN (SELECT n FROM seen WHERE n IS NOT NULL GROUP BY n"
            " HAVING min(cluster) <> max(cluster) AND max(bit_count(c_datasets)) > 1) c ON s.n = c.n"
            " WHERE bit_count(s.c_datasets) = 1",
        )
        self._engine.change(
            "work", WORK, {name: f"nullif(work.{name}, work.{name})" for name in ("c_n_low", "c_n_high")}
        )

    def join_on(self, step: LadderStep, key: Key) -> None:
        """One key of one step: groups, guards, connected clusters, guards again, join."""
        guard = self._guards.of(step)
        self._find_shared(key)
        self._keep_members(key)
        bad, good, crowded = self._judge_groups(guard, f"records <= {LARGEST_GROUP}")
        if crowded:  # whoever is large only together stays together
            self._leave_crowds(key)
            bad, good, _ = self._judge_groups(guard, "TRUE")
        if bad:
            self._doubt(f"SELECT m.cluster, {CONTRADICTS} AS contradiction {OF_GROUPS} WHERE NOT g.good")
        if bad and step.certain and self._guards.registers and not self._guards.only_registers:
            # Whose is a number that a register gives to two people? Its events are one person's all the same.
            in_none = f"(m.c_datasets & {self._guards.registers}) = 0"
            self._engine.keep("members", f"SELECT m.* {OF_GROUPS} WHERE g.good OR {in_none}")
            _, good, _ = self._judge_groups(guard, "TRUE")
        if not good:
            return
        (chained,) = self._engine.numbers(f"SELECT count(*) - count(DISTINCT m.cluster) {OF_GROUPS} WHERE g.good")
        if chained:
            self._label_chains(guard)
        else:
            traits = ", ".join(f"g.{name}" for name in ("label", *TRAIT_NAMES))
            self._engine.keep("labels", f"SELECT m.cluster, {traits} {OF_GROUPS} WHERE g.good")
        self._apply(step)

    def _find_shared(self, key: Key) -> None:
        """`shared`: each value of the key that several clusters have, one of them open.

        It is named k after its lowest record: by a key a record is in one group only.
        """
        columns = ", ".join(key)
        self._engine.keep(
            "shared",
            f"SELECT {columns}, min(record) AS k FROM seen WHERE {_present(key)} GROUP BY {columns}"
            f" HAVING min(cluster) <> max(cluster) AND bool_or({self._guards.open})",
        )

    def _keep_members(self, key: Key, but: str = "") -> None:
        """`members`: the clusters under each shared value, and how many of their records are. but: whom to leave."""
        of_cluster = ", ".join(f"min(w.{name}) AS {name}" for name in OF_CLUSTER)
        self._engine.keep(
            "members",
            f"SELECT s.k, w.cluster, count(*) AS records, {of_cluster}"
            f" FROM seen w JOIN shared s ON {_same(key)} {but} GROUP BY s.k, w.cluster",
        )

    def _judge_groups(self, guard: str, fits: str) -> tuple[int, int, int]:
        """`groups`: each shared value's members, judged; how many are bad, good, too large. fits: SQL over records."""
        self._engine.keep(
            "groups",
            f"SELECT k, label, records, {', '.join(TRAIT_NAMES)}, {guard} AND {fits} AS good FROM"
            f" (SELECT k, min(cluster) AS label, sum(records) AS records, {self._guards.traits} FROM members"
            f" GROUP BY k HAVING count(*) > 1 AND bool_or({self._guards.open})) g",
        )
        bad, good, crowded = self._engine.numbers(
            "SELECT count(*) FILTER (WHERE NOT good), count(*) FILTER (WHERE good),"
            f" count(*) FILTER (WHERE records > {LARGEST_GROUP}) FROM groups"
        )
        return bad, good, crowded

    def _leave_crowds(self, key: Key) -> None:
        """`members` without the records that are too many of one dataset under one value; those are in doubt."""
        of_dataset = f"FROM seen w JOIN shared s ON {_same(key)} JOIN evidence e ON w.record = e.record"
        self._engine.keep(
            "crowds",
            f"SELECT s.k, e.dataset {of_dataset} GROUP BY s.k, e.dataset HAVING count(*) > {LARGEST_GROUP}",
        )
        in_crowd = "crowds c ON s.k = c.k AND e.dataset = c.dataset"
        self._engine.keep(
            "doubts",
            f"SELECT record, flag FROM doubts UNION SELECT w.record, '{SEVERAL}' AS flag {of_dataset} JOIN {in_crowd}",
        )
        self._keep_members(key, f"JOIN evidence e ON w.record = e.record LEFT JOIN {in_crowd} WHERE c.k IS NULL")

    def _label_chains(self, guard: str) -> None:
        """`labels`: each cluster with the smallest one that a chain of good groups connects it to, where guards agree.

        A chain joins more than any of its groups shows, so the guards are asked again of all that it connects.
        """
        engine = self._engine
        engine.keep("edges", f"SELECT m.k, m.cluster {OF_GROUPS} WHERE g.good")
        engine.keep("reached", "SELECT DISTINCT cluster, cluster AS label FROM edges")
        changing = 1
        while changing:
            engine.keep(
                "nearer",
                "SELECT e.cluster, min(g.label) AS label FROM edges e JOIN (SELECT m.k, min(r.label) AS label"
                " FROM edges m JOIN reached r ON m.cluster = r.cluster GROUP BY m.k) g ON e.k = g.k GROUP BY e.cluster",
            )
            (changing,) = engine.numbers(
                "SELECT count(*) FROM nearer n JOIN reached r ON n.cluster = r.cluster WHERE n.label < r.label"
            )
            engine.keep("reached", "SELECT cluster, label FROM nearer")
        of_cluster = ", ".join(f"min(w.{name}) AS {name}" for name in OF_CLUSTER)
        engine.keep(
            "chains",
            f"SELECT label, {', '.join(TRAIT_NAMES)}, {guard} AS good FROM (SELECT label, {self._guards.traits} FROM"
            f" (SELECT r.label, r.cluster, {of_cluster} FROM seen w JOIN reached r ON w.cluster = r.cluster"
            " GROUP BY r.label, r.cluster) x GROUP BY label) c",
        )
        of_chains = "FROM reached r JOIN chains c ON r.label = c.label"
        self._doubt(f"SELECT r.cluster, {CONTRADICTS} AS contradiction {of_chains} WHERE NOT c.good")
        traits = ", ".join(f"c.{name}" for name in ("label", *TRAIT_NAMES))
        engine.keep("labels", f"SELECT r.cluster, {traits} {of_chains} WHERE c.good")

    def _apply(self, step: LadderStep) -> None:
        """Write the clusters of `labels` into `seen`; the step that first joined a record stays its step."""
        number = f"CAST({step.number} AS SMALLINT)"
        steps = {name: f"coalesce(seen.{name}, {number})" for name in ("step", "touched")}
        self._engine.change("seen", SEEN, {**NEW, **steps})

    def _doubt(self, clusters: str) -> None:
        """Keep why these clusters (cluster, contradiction) were left apart, for each of their records."""
        self._engine.keep(
            "doubts",
            f"SELECT record, flag FROM doubts UNION SELECT w.record, {_flag('w.n')} AS flag"
            f" FROM seen w JOIN ({clusters}) c ON w.cluster = c.cluster",
        )


OF_GROUPS = "FROM members m JOIN groups g ON m.k = g.k"


def _flag(number: str) -> str:
    """Why a record with this NHS number was left apart, where `c` says whether numbers contradict."""
    return f"CASE WHEN c.contradiction AND {number} IS NOT NULL THEN '{CONTRADICTION}' ELSE '{SEVERAL}' END"


def _same(key: Key) -> str:
    return " AND ".join(f"w.{name} = s.{name}" for name in key)


def _present(key: Key) -> str:
    return "(" + " AND ".join(f"{name} IS NOT NULL" for name in key) + ")"
