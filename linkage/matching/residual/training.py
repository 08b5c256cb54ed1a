"""What is learned from the records of the linkage zone? A model, which is numbers, and the card that explains it.

Done within the zone; what leaves it holds no identifier and no count of few people.
"""

from __future__ import annotations

import math
from contextlib import closing
from typing import Any

import duckdb

from audit.progress import Progress
from audit.suppression import shown_count
from linkage.matching.residual.drawing import Drawn, draw_people
from linkage.matching.residual.errors import NothingToLearnFrom
from linkage.matching.residual.reduction import Bounds
from linkage.matching.residual.weighing import engine_for, people_specification
from linkage.private_folders import Spilling
from linkage.specified.engine import PAIRS_FOR_U, SplinkEngine, rounded
from linkage.specified.frozen import FrozenModel
from linkage.specified.service import learn
from linkage.standardise.specification import VERSION as STANDARDISATION
from linkage.zones import count


def draw(zone: duckdb.DuckDBPyConnection) -> tuple[Drawn, dict[str, int]]:
    """Records to learn from, and the rows of each dataset. Raises NothingToLearnFrom."""
    if not count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'identity'"):
        raise _nothing()
    drawn = draw_people(zone)
    found = zone.execute("SELECT dataset, count(*) FROM identity GROUP BY ALL ORDER BY ALL").fetchall()
    if drawn.people.is_empty():
        raise _nothing()
    return drawn, {str(dataset): int(rows) for dataset, rows in found}


def learn_model(
    drawn: Drawn, rows: dict[str, int], *, test_range: bool, spilling: Spilling, progress: Progress
) -> tuple[FrozenModel, dict[str, Any]]:
    """The model and its card. Raises CannotTrain."""
    made = engine_for(drawn.people, test_range=test_range, references=drawn.references, spilling=spilling)
    with closing(made) as engine:
        model = learn(engine, progress=progress)
        told = {"prior": rounded(model.prior / drawn.part), "standardisation": STANDARDISATION}
        model = model.model_copy(update=told)
        return model, _card(model, engine, drawn, rows)


def _nothing() -> NothingToLearnFrom:
    return NothingToLearnFrom(
        "There are no records to learn from.",
        where="linkage zone",
        mend="Receive deliveries first: haven delivery receive PATH --as NAME",
    )


def _card(model: FrozenModel, engine: SplinkEngine, drawn: Drawn, rows: dict[str, int]) -> dict[str, Any]:
    """What a person must know to approve the model: from what, how, and what each agreement weighs."""
    bounds = Bounds()
    return {
        "specification": people_specification().title,
        "engine": f"{model.engine}, Splink {model.splink}",
        "standardisation": model.standardisation,
        "learned_from": {name: shown_count(n) for name, n in {"records": drawn.people.height, **rows}.items()},
        "drawn": "all people" if drawn.part == 1 else f"one person in {drawn.part}, by {drawn.drawn_by}",
        "method": "chance agreement from random pairs; agreement of one person's records by expectation maximisation",
        "prior": f"one pair in {round(1 / model.prior):,}",
        "joined_from_weight": bounds.accept,
        "asked_from_weight": bounds.ask,
        "columns": {
            comparison.of: [
                {"agreement": one.label, "m": one.m, "u": one.u, "weight": round(math.log2(one.m / one.u), 1)}
                for one in comparison.levels
            ]
            for comparison in model.comparisons
        },
        "limits": "Columns count as independent; what a household shares never joins two records by itself.",
        "random_pairs": shown_count(min(engine.possible_pairs, PAIRS_FOR_U)),
    }
