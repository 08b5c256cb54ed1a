"""How does an approval's scope pass to the research zone's process, with the keys of this one build?"""

from __future__ import annotations

import base64
from dataclasses import asdict
from datetime import date
from typing import Any

from access.keys import HeldKey
from access.projects.scope import ColumnScope, Condition, Scope, TableScope
from linkage.separation.ports import Plain


def scope_as_data(scope: Scope) -> Plain:
    """An approval's scope for another process."""
    data: dict[str, Any] = asdict(scope)
    data["ends"] = scope.ends.isoformat()
    for table, one in zip(data["tables"], scope.tables, strict=True):
        table["period"] = one.period and [day.isoformat() for day in one.period]
    return data


def scope_of(data: Plain) -> Scope:
    """The scope that was sent."""
    tables = tuple(_table_of(one) for one in data["tables"])
    cohort = tuple(Condition(**{**one, "values": tuple(one["values"])}) for one in data["cohort"])
    return Scope(**{**data, "tables": tables, "cohort": cohort, "ends": date.fromisoformat(data["ends"])})


def _table_of(data: Plain) -> TableScope:
    period = data["period"] and tuple(date.fromisoformat(day) for day in data["period"])
    return TableScope(**{**data, "columns": tuple(ColumnScope(**one) for one in data["columns"]), "period": period})


def key_as_data(key: HeldKey) -> Plain:
    """A key for the one request that needs it."""
    text = base64.b64encode(key.key).decode("ascii")
    return {"key_id": key.key_id, "version": key.version, "key": text, "check_value": key.check_value}


def key_of(data: Plain) -> HeldKey:
    """The key that was sent."""
    return HeldKey(data["key_id"], data["version"], base64.b64decode(data["key"]), data["check_value"])
