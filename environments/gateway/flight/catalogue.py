"""What does the door tell of itself? Catalogues, tables and types as Flight SQL lays them out, from the approval alone.

There is one catalogue without a name and one schema, `main`, so that the names that clients put together are names
that the gate knows. Layouts: https://arrow.apache.org/docs/format/FlightSql.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from environments.gateway.flight.commands import (
    Catalogs,
    Command,
    Keys,
    Schemas,
    SqlInfo,
    TablesAsked,
    TableTypes,
    TypeInfo,
)  # fmt: skip

CATALOGUE, SCHEMA, KIND = "", "main", "VIEW"
VERSION = "1"
LONGEST_PATTERN = 256
MANY_OF_ANY = re.compile("%+")
Views = Mapping[str, Mapping[str, str]]

NAME, VERSION_OF, ARROW_VERSION, READ_ONLY, SPEAKS_SQL, SPEAKS_SUBSTRAIT = 0, 1, 2, 3, 4, 5
TRANSACTIONS, CANCELS = 8, 9
CATALOGUES_CHANGE, SCHEMAS_CHANGE, TABLES_CHANGE, CASE_OF_NAMES, QUOTE = 500, 501, 502, 503, 504

_INFO_VALUE = pa.dense_union([
    pa.field("string_value", pa.string()),
    pa.field("bool_value", pa.bool_()),
    pa.field("bigint_value", pa.int64()),
    pa.field("int32_bitmask", pa.int32()),
    pa.field("string_list", pa.list_(pa.string())),
    pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
])  # fmt: skip
_TEXT, _FLAG, _BIGINT, _NUMBER = 0, 1, 2, 3


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


CATALOGUES = pa.schema([_required("catalog_name", pa.string())])
SCHEMAS = pa.schema([pa.field("catalog_name", pa.string()), _required("db_schema_name", pa.string())])
TABLES = pa.schema([
    pa.field("catalog_name", pa.string()),
    pa.field("db_schema_name", pa.string()),
    _required("table_name", pa.string()),
    _required("table_type", pa.string()),
])  # fmt: skip
TABLES_WITH_COLUMNS = TABLES.append(_required("table_schema", pa.binary()))
KINDS = pa.schema([_required("table_type", pa.string())])
INFO = pa.schema([_required("info_name", pa.uint32()), _required("value", _INFO_VALUE)])
_KEY_COLUMNS = ("catalog_name", "db_schema_name", "table_name", "column_name", "key_name")
PRIMARY_KEYS = pa.schema([
    *(pa.field(name, pa.string(), nullable=name != "table_name") for name in _KEY_COLUMNS),
    _required("key_sequence", pa.int32()),
])  # fmt: skip
FOREIGN_KEYS = pa.schema([
    *(pa.field(f"{side}_{name}", pa.string()) for side in ("pk", "fk") for name in _KEY_COLUMNS[:4]),
    _required("key_sequence", pa.int32()),
    pa.field("fk_key_name", pa.string()),
    pa.field("pk_key_name", pa.string()),
    _required("update_rule", pa.uint8()),
    _required("delete_rule", pa.uint8()),
])  # fmt: skip
TYPES = pa.schema([
    _required("type_name", pa.string()),
    _required("data_type", pa.int32()),
    pa.field("column_size", pa.int32()),
    pa.field("literal_prefix", pa.string()),
    pa.field("literal_suffix", pa.string()),
    pa.field("create_params", pa.list_(_required("item", pa.string()))),
    _required("nullable", pa.int32()),
    _required("case_sensitive", pa.bool_()),
    _required("searchable", pa.int32()),
    pa.field("unsigned_attribute", pa.bool_()),
    _required("fixed_prec_scale", pa.bool_()),
    pa.field("auto_increment", pa.bool_()),
    pa.field("local_type_name", pa.string()),
    pa.field("minimum_scale", pa.int32()),
    pa.field("maximum_scale", pa.int32()),
    _required("sql_data_type", pa.int32()),
    pa.field("datetime_subcode", pa.int32()),
    pa.field("num_prec_radix", pa.int32()),
    pa.field("interval_precision", pa.int32()),
])  # fmt: skip

ARROW_TYPES: Mapping[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(), "TINYINT": pa.int8(), "SMALLINT": pa.int16(), "INTEGER": pa.int32(), "BIGINT": pa.int64(),
    "UTINYINT": pa.uint8(), "USMALLINT": pa.uint16(), "UINTEGER": pa.uint32(), "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(), "DOUBLE": pa.float64(), "VARCHAR": pa.string(), "UUID": pa.string(), "BLOB": pa.binary(),
    "DATE": pa.date32(), "TIME": pa.time64("us"), "TIMESTAMP": pa.timestamp("us"),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
}  # fmt: skip
_XDBC = {
    "BOOLEAN": -7, "TINYINT": -6, "SMALLINT": 5, "INTEGER": 4, "BIGINT": -5, "FLOAT": 7, "DOUBLE": 8,
    "VARCHAR": 12, "DATE": 91, "TIME": 92, "TIMESTAMP": 93,
}  # fmt: skip
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_QUOTED = {"VARCHAR", "DATE", "TIME", "TIMESTAMP"}
_NULLABLE, _SEARCHABLE = 1, 3


def schema_of(command: Command) -> pa.Schema:
    """How the answer to a command about the catalogue is laid out."""
    if isinstance(command, Keys):
        return PRIMARY_KEYS if command.kind == "CommandGetPrimaryKeys" else FOREIGN_KEYS
    if isinstance(command, TablesAsked):
        return TABLES_WITH_COLUMNS if command.with_columns else TABLES
    return _LAYOUTS[type(command)]


def answer(command: Command, views: Views) -> pa.Table:
    """The answer to a command about the catalogue; views: the approval's, each with its columns and their types."""
    rows = _ANSWERS[type(command)](command, views)
    if isinstance(command, SqlInfo):
        return rows
    return pa.Table.from_pylist(rows, schema=schema_of(command))


def _catalogues(_: Command, __: Views) -> Any:
    return [{"catalog_name": CATALOGUE}]


def _schemas(command: Any, _: Views) -> Any:
    stands = command.catalog in (None, CATALOGUE) and _like(command.pattern, SCHEMA)
    return [{"catalog_name": CATALOGUE, "db_schema_name": SCHEMA}] if stands else []


def _tables(command: Any, views: Views) -> Any:
    stands = command.catalog in (None, CATALOGUE) and _like(command.schema_pattern, SCHEMA)
    if not stands or (command.types and KIND not in command.types):
        return []
    rows = []
    for name in sorted(views):
        if _like(command.table_pattern, name):
            row: dict[str, Any] = {
                "catalog_name": CATALOGUE, "db_schema_name": SCHEMA, "table_name": name, "table_type": KIND,
            }  # fmt: skip
            if command.with_columns:
                row["table_schema"] = _columns(views[name]).serialize().to_pybytes()
            rows.append(row)
    return rows


def _columns(columns: Mapping[str, str]) -> pa.Schema:
    return pa.schema([pa.field(name, arrow_type(kind)) for name, kind in columns.items()])


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a column that the approval gives; a type that is not of one value is told as text."""
    if found := _DECIMAL.fullmatch(kind):
        return pa.decimal128(int(found.group(1)), int(found.group(2)))
    if kind.endswith("[]"):
        return pa.list_(arrow_type(kind[:-2]))
    return ARROW_TYPES.get(kind, pa.string())


def _kinds(_: Command, __: Views) -> Any:
    return [{"table_type": KIND}]


def _no_keys(_: Command, __: Views) -> Any:
    return []


def _types(command: Any, _: Views) -> Any:
    rows = []
    for name, number in _XDBC.items():
        if command.wanted is None or command.wanted % 2**32 == number % 2**32:
            quote = "'" if name in _QUOTED else None
            rows.append({
                "type_name": name, "data_type": number, "sql_data_type": number, "local_type_name": name,
                "literal_prefix": quote, "literal_suffix": quote, "nullable": _NULLABLE, "searchable": _SEARCHABLE,
                "case_sensitive": name == "VARCHAR", "fixed_prec_scale": False, "auto_increment": False,
            })  # fmt: skip
    return rows


_FACTS: tuple[tuple[int, int, Any], ...] = (
    (NAME, _TEXT, "Haven"),
    (VERSION_OF, _TEXT, VERSION),
    (ARROW_VERSION, _TEXT, pa.__version__),
    (READ_ONLY, _FLAG, True),
    (SPEAKS_SQL, _FLAG, True),
    (SPEAKS_SUBSTRAIT, _FLAG, False),
    (TRANSACTIONS, _NUMBER, 0),  # none
    (CANCELS, _FLAG, False),
    (CATALOGUES_CHANGE, _FLAG, False),
    (SCHEMAS_CHANGE, _FLAG, False),
    (TABLES_CHANGE, _FLAG, False),
    (CASE_OF_NAMES, _BIGINT, 1),  # names are compared without regard to capitals
    (QUOTE, _TEXT, '"'),
)


def _info(command: Any, _: Views) -> Any:
    facts = [fact for fact in _FACTS if not command.wanted or fact[0] in command.wanted]
    children: list[list[Any]] = [[] for _ in range(_INFO_VALUE.num_fields)]
    offsets = []
    for _number, kind, value in facts:
        offsets.append(len(children[kind]))
        children[kind].append(value)
    values = pa.UnionArray.from_dense(
        pa.array([kind for _, kind, _ in facts], pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(child, _INFO_VALUE.field(place).type) for place, child in enumerate(children)],
        [_INFO_VALUE.field(place).name for place in range(_INFO_VALUE.num_fields)],
    )
    names = pa.array([number for number, _, _ in facts], pa.uint32())
    return pa.Table.from_arrays(
        [names, values.cast(_INFO_VALUE) if values.type != _INFO_VALUE else values], schema=INFO
    )


_LAYOUTS: Mapping[type, pa.Schema] = {
    Catalogs: CATALOGUES, Schemas: SCHEMAS, TableTypes: KINDS, SqlInfo: INFO, TypeInfo: TYPES,
}  # fmt: skip
_ANSWERS: Mapping[type, Callable[[Any, Views], Any]] = {
    Catalogs: _catalogues, Schemas: _schemas, TablesAsked: _tables, TableTypes: _kinds, SqlInfo: _info,
    TypeInfo: _types, Keys: _no_keys,
}  # fmt: skip


def _like(pattern: str | None, name: str) -> bool:
    """Does the name fit a pattern of LIKE? None fits all. No expression is built: patterns come from clients."""
    if pattern is None:
        return True
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError("a pattern is too long")
    pattern = MANY_OF_ANY.sub("%", pattern)
    reached = {0}
    for sign in name:
        reached = _closed(reached, pattern)
        reached = {at + (pattern[at] != "%") for at in reached if at < len(pattern) and pattern[at] in ("%", "_", sign)}
    return len(pattern) in _closed(reached, pattern)


def _closed(reached: set[int], pattern: str) -> set[int]:
    """With every place that a `%` lets one pass over."""
    found = set(reached)
    for at in sorted(reached):
        while at < len(pattern) and pattern[at] == "%":
            at += 1  # noqa: PLW2901
            found.add(at)
    return found
