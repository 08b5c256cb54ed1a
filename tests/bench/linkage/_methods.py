"""One way of linking two files of people, run in a process of its own so that its CPU and memory are its own.

`python tests/bench/linkage/_methods.py METHOD FOLDER` reads left.parquet and right.parquet of the folder (record,
IDENTITY; one row a person), writes METHOD.parquet (l, r: the pairs it links) and prints seconds of CPU by phase and the
peak of memory as JSON. All methods are given what is recorded and standardise it by the same rules: Splink and CPRD's
steps outside their time, the haven within it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl

from access.keys import HeldKey
from linkage.intake.staging import bound_memory
from linkage.intake.tables import create_identity
from linkage.matching.engines.running import in_duckdb
from linkage.matching.ladder import LAST_STEP, MODEL_STEP
from linkage.matching.neighbourhood import gather_pool
from linkage.matching.records_to_link import add_new_records, forget_records, prepare, set_registers
from linkage.matching.residual.drawing import draw_people
from linkage.matching.residual.settling import ResidualPlan, prepare_residual, settle_residual
from linkage.matching.residual.weighing import engine_for, people_specification
from linkage.matching.spine import write_links
from linkage.specified.engine import rounded
from linkage.specified.frozen import FrozenModel
from linkage.specified.joining import one_to_one
from linkage.specified.service import learn
from linkage.standardise.specification import IDENTITY, standardise
from tests.bench.linkage._memory import peak

KEY = HeldKey("bench", 1, b"k" * 32, "check")
RUN = "00000000-0000-4000-8000-000000000000"
LOWEST = -4.0
RECORDS = "standardising, tokens, records"
Seconds = dict[str, float]
NOT_CONTRADICTED = "coalesce(a.nhs_number = b.nhs_number, true)"
PARTS = "(a.year = b.year)::INT + (a.month = b.month)::INT + (a.day = b.day)::INT >= 2"
CPRD = (
    ("nhs_number", "born", "sex", "postcode"),
    ("nhs_number", "born", "sex"),
    ("nhs_number", "sex", "postcode"),
    ("nhs_number", "sex"),
    ("nhs_number", "postcode"),
    ("born", "sex", "postcode"),
    ("born", "sex", "postcode"),
    ("nhs_number",),
)
"""The eight match ranks of CPRD's linkage of primary care to hospital data, as keys; steps 3 and 4 ask a part of the
birthday too, 6 and 7 that NHS numbers do not contradict and the birthday is not 1 January (6: nor a communal address,
which nobody here has). Each is given whoever was linked by none before, and must be unique on both sides."""


class Clock:
    """CPU seconds of this process and its threads, by phase."""

    def __init__(self) -> None:
        self.seconds: Seconds = {}
        self._last = time.process_time()

    def lap(self, phase: str) -> None:
        """What was done since the last lap was this."""
        now = time.process_time()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now


def haven(left: pl.DataFrame, right: pl.DataFrame, folder: Path) -> tuple[pl.DataFrame, Seconds]:
    """As in a linkage zone, but in a clear file: Splink and CPRD's steps encrypt nothing either."""
    return _linked(left, right, folder, {})


def haven_encrypted(left: pl.DataFrame, right: pl.DataFrame, folder: Path) -> tuple[pl.DataFrame, Seconds]:
    """As in a linkage zone, whose file is encrypted (linkage.zones), here by the slower of its two ciphers."""
    return _linked(left, right, folder, {"ENCRYPTION_KEY": "0" * 64})


def _linked(
    left: pl.DataFrame, right: pl.DataFrame, folder: Path, attached: dict[str, str]
) -> tuple[pl.DataFrame, Seconds]:
    """The ladder on tokens, the residual under a frozen model, the spine."""
    model = FrozenModel.model_validate_json((folder / "model.json").read_text(encoding="utf-8"))
    file = folder / f"zone{len(attached)}.duckdb"
    for people in ({"left": left}, {"right": right}):
        with _zone(file, attached) as zone:  # each receipt opens the zone, and ends with a checkpoint
            _receive(zone, **people)
            zone.execute("CHECKPOINT")
    del left, right, people
    with _zone(file, attached) as zone:
        zone.execute("SET memory_limit = '8GB'")
        prepare(zone)
        prepare_residual(zone)
        set_registers(zone, ["left", "right"])
        zone.execute("BEGIN")  # a run is one transaction
        clock = Clock()
        add_new_records(zone, ["one"], KEY, test_range=True)
        clock.lap(RECORDS)
        forget_records(zone)
        gather_pool(zone)
        in_duckdb(zone)
        clock.lap("ladder")
        settle_residual(zone, ResidualPlan(model, "model"), RUN, test_range=True)
        clock.lap("residual")
        write_links(zone, RUN, datetime.now(UTC).replace(tzinfo=None), MODEL_STEP if model else LAST_STEP)
        clock.lap("persons")
        zone.execute("COMMIT")
        zone.execute("CHECKPOINT")
        clock.lap("commit")
        found = zone.sql(
            "WITH of AS (SELECT i.dataset, i.local_id::BIGINT AS id, l.person FROM identity i"
            " JOIN links l USING (record)) SELECT a.id AS l, b.id AS r FROM of a JOIN of b ON a.person = b.person"
            " WHERE a.dataset = 'left' AND b.dataset = 'right'"
        ).to_arrow_table()
    return pl.DataFrame(found), clock.seconds


@contextmanager
def _zone(file: Path, attached: dict[str, str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A zone's file. attached: what it is attached with besides what every zone is (linkage.zones)."""
    options = ", ".join(["RECOVERY_MODE NO_WAL_WRITES", *(f"{name} ?" for name in attached)])
    with duckdb.connect() as zone:
        zone.execute("SET force_mbedtls_unsafe = 'true'")
        zone.execute(f"ATTACH ? AS zone ({options})", [str(file), *attached.values()])
        zone.execute("USE zone")
        yield zone


def train(left: pl.DataFrame, right: pl.DataFrame, folder: Path) -> tuple[pl.DataFrame, Seconds]:
    """The frozen model of the above; a flow of its own, so not in its time."""
    with duckdb.connect() as zone:
        _receive(zone, left=left, right=right)
        clock = Clock()
        drawn = draw_people(zone)
    with closing(engine_for(drawn.people, test_range=True)) as engine:
        model = learn(engine)
    clock.lap("training")
    model = model.model_copy(update={"prior": rounded(model.prior / drawn.part)})
    (folder / "model.json").write_text(model.model_dump_json(), encoding="utf-8")
    return pl.DataFrame(schema={"l": pl.Int64, "r": pl.Int64}), clock.seconds


def _receive(zone: duckdb.DuckDBPyConnection, **deliveries: pl.DataFrame) -> None:
    """Deliveries into `identity`, with the settings of a receipt (linkage.intake.in_zones.put_identity)."""
    bound_memory(zone)
    create_identity(zone)
    for name, people in deliveries.items():
        zone.register("people", people.to_arrow())
        texts = ", ".join(IDENTITY)
        zone.execute(
            f"INSERT INTO identity (delivery, dataset, row_key, {texts}, local_id)"
            f" SELECT 'one', ?, uuid(), {texts}, record::TEXT FROM people",
            [name],
        )
        zone.unregister("people")


def cprd(left: pl.DataFrame, right: pl.DataFrame, _: Path) -> tuple[pl.DataFrame, Seconds]:
    """CPRD's eight steps, without a guard on the NHS number in those that use it."""
    with duckdb.connect() as con:
        for name, people in (("a", left), ("b", right)):
            frame = people.select("record").hstack(standardise(people, test_range=True))
            con.register("incoming", frame.to_arrow())
            con.execute(f"CREATE TABLE {name} AS FROM incoming")
        clock = Clock()
        con.execute("CREATE TABLE found (l BIGINT, r BIGINT)")
        for step, key in enumerate(CPRD, 1):
            conditions = [f"a.{name} = b.{name}" for name in key]
            if step in (3, 4):
                conditions.append(PARTS)
            if step in (6, 7):
                conditions += [NOT_CONTRADICTED, "NOT (a.month = '01' AND a.day = '01')"]
            con.execute(
                "INSERT INTO found SELECT l, r FROM (SELECT a.record AS l, b.record AS r, count(*) OVER (PARTITION BY"
                " a.record) AS of_l, count(*) OVER (PARTITION BY b.record) AS of_r FROM"
                " (FROM a WHERE record NOT IN (SELECT l FROM found)) a JOIN"
                f" (FROM b WHERE record NOT IN (SELECT r FROM found)) b ON {' AND '.join(conditions)})"
                " WHERE of_l = 1 AND of_r = 1"
            )
        clock.lap("eight steps")
        return pl.DataFrame(con.sql("FROM found").to_arrow_table()), clock.seconds


BLOCKED_ON = (
    ("nhs_number",),
    ("born", "sound"),
    ("born", "postcode"),
    ("born", "initial", "sex"),
    ("postcode", "forename"),
    ("postcode", "month_day"),
    ("surname", "forename", "year"),
    ("surname", "forename", "month_day"),
)
"""The haven's own blocking keys (linkage.matching.residual.candidates), so that both compare the same pairs."""


def _splink_columns(people: pl.DataFrame) -> pl.DataFrame:
    frame = standardise(people, test_range=True)
    return frame.with_columns(month_day=pl.concat_str("month", "day", separator="-"))


def splink(left: pl.DataFrame, right: pl.DataFrame, _: Path) -> tuple[pl.DataFrame, Seconds]:
    """Splink on both files whole, by its own library of comparisons and its own training."""
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on
    from splink.internals.duckdb.database_api import DuckDBAPI

    api = DuckDBAPI(duckdb.connect())
    frames = [
        api.register(
            people.select(unique_id="record").hstack(_splink_columns(people)).to_arrow(),
            dataset_display_name=f"people_{name}",
        )
        for name, people in (("left", left), ("right", right))
    ]
    clock = Clock()
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[
            cl.NameComparison("surname"),
            cl.NameComparison("forename"),
            cl.DateOfBirthComparison("born", input_is_string=True),
            cl.ExactMatch("sex"),
            cl.PostcodeComparison("postcode"),
            cl.DamerauLevenshteinAtThresholds("nhs_number", [1, 2]),
        ],
        blocking_rules_to_generate_predictions=[block_on(*key) for key in BLOCKED_ON],
    )
    linker = Linker(frames, settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("nhs_number"), block_on("surname", "forename", "born")], recall=0.95
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e7, seed=1)
    for rule in (block_on("born", "sex"), block_on("surname", "forename"), block_on("nhs_number")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    clock.lap("training")
    scored = linker.inference.predict(threshold_match_weight=LOWEST)
    table = pl.DataFrame(
        api._con.sql(
            "SELECT unique_id_l AS l, unique_id_r AS r, match_weight AS weight, source_dataset_l AS side"
            f" FROM {scored.physical_name}"
        ).to_arrow_table()
    )
    clock.lap("blocking, scoring")
    turned = table["side"] == "people_right"
    pairs = table.select(
        l=pl.when(turned).then("r").otherwise("l"), r=pl.when(turned).then("l").otherwise("r"), weight="weight"
    )
    return one_to_one(pairs), clock.seconds


METHODS: dict[str, Callable[[pl.DataFrame, pl.DataFrame, Path], tuple[pl.DataFrame, Seconds]]] = {
    "train": train,
    "haven": haven,
    "haven_encrypted": haven_encrypted,
    "cprd": cprd,
    "splink": splink,
}


def main(method: str, folder: Path) -> None:
    """Run one and print what it took."""
    left, right = (pl.read_parquet(folder / f"{side}.parquet") for side in ("left", "right"))
    pairs, seconds = METHODS[method](left, right, folder)
    pairs.write_parquet(folder / f"{method}.parquet")
    print(json.dumps({"seconds": seconds, "gigabytes": peak()}))


if __name__ == "__main__":
    people_specification()
    main(sys.argv[1], Path(sys.argv[2]))
