"""Which trained models does the linkage zone keep? It weighs with these only: whoever asks names one by its digest.

With a model of their own making somebody could read identifiers out of what pairs weigh. So none is ever taken from
outside: what was learned here stays here, and digest and card go out to be approved.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import duckdb

from linkage.matching.residual.errors import NoModel
from linkage.matching.residual.weighing import people_specification
from linkage.specified.engine import VERSION as SPLINK
from linkage.specified.frozen import FrozenModel
from linkage.standardise.specification import VERSION as STANDARDISATION
from linkage.zones import count

ENGINE = "duckdb"
TRAIN_AGAIN = "Train again, and have it approved: haven linkage train"
MadeFor = tuple[str, str, str | None]
"""Of a model: the digest of what it compares, its engine, and the rules by which values were standardised."""


def made_for(model: FrozenModel) -> MadeFor:
    """What this model was made for."""
    return model.specification, f"{model.engine} {model.splink}", model.standardisation


def made_now() -> MadeFor:
    """What a model trained by this version is made for; one that is made for anything else is trained anew."""
    return people_specification().digest, f"{ENGINE} {SPLINK}", STANDARDISATION


def keep_model(zone: duckdb.DuckDBPyConnection, model: FrozenModel, card: dict[str, Any], at: datetime) -> str:
    """Keep what was learned; its digest. The same model again stays as it was."""
    zone.execute(
        "CREATE TABLE IF NOT EXISTS models (digest TEXT PRIMARY KEY, model TEXT NOT NULL, card TEXT NOT NULL,"
        " standardisation TEXT NOT NULL, trained_at TIMESTAMP NOT NULL)"
    )
    text = model.model_dump_json()
    digest = hashlib.sha256(text.encode()).hexdigest()
    zone.execute(
        "INSERT OR IGNORE INTO models VALUES (?, ?, ?, ?, ?)",
        [digest, text, json.dumps(card), model.standardisation or "", at.replace(tzinfo=None)],
    )
    return digest


def kept_model(zone: duckdb.DuckDBPyConnection, digest: str) -> FrozenModel:
    """The model of this digest. Raises NoModel: it is not kept here, or was made for other rules than those of now."""
    found: list[tuple[Any, ...]] = []
    if count(zone, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'models'"):
        found = zone.execute("SELECT model FROM models WHERE digest = ?", [digest]).fetchall()
    if not found:
        raise NoModel("The linkage zone does not hold this model.", where=digest[:12], mend=TRAIN_AGAIN)
    model = FrozenModel.model_validate_json(found[0][0])
    if made_for(model) != made_now():
        raise NoModel("The model was made under other rules than those of now.", where=digest[:12], mend=TRAIN_AGAIN)
    return model
