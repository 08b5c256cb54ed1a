"""Of what may a statement's parse tree consist? Every kind of part, and for each of its keys what may stand there.

Data only, as DuckDB 2.0.0 writes it; `gate_walk` follows it. A kind or a key that is not here, or a key that is
missing: refused. Rule: an allow-list over the engine's own tree, fail closed (design section 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Plain(Enum):
    """Scalars that carry no meaning for the gate: names of columns, places in the text, switches."""

    TEXT = "a text"
    TEXTS = "texts"
    NUMBER = "a number"
    NUMBER_LISTS = "lists of numbers"
    FLAG = "true or false"


class How(Enum):
    """How many parts stand under a key."""

    ONE = "one"
    OPTIONAL = "one or none"
    MANY = "a list"
    GRID = "a list of lists"


@dataclass(frozen=True)
class Part:
    """Under this key stand parts of a family."""

    family: str
    how: How = How.ONE


@dataclass(frozen=True)
class OneOf:
    """Under this key stands one of these scalars."""

    values: frozenset[str | None]


class Nothing(Enum):
    """Under this key nothing may stand: null, an empty text or list, or false."""

    AT_ALL = "nothing"


Rule = Plain | Part | OneOf | Nothing
Shape = Mapping[str, Rule]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _one_of(text: str) -> OneOf:
    return OneOf(_words(text))


TEXT, TEXTS, NUMBER, FLAG, NOTHING = Plain.TEXT, Plain.TEXTS, Plain.NUMBER, Plain.FLAG, Nothing.AT_ALL
EXPRESSION = Part("expression")
EXPRESSION_OR_NONE = Part("expression", How.OPTIONAL)
EXPRESSIONS = Part("expression", How.MANY)
PATH = Part("path")
SAMPLE = Part("sample", How.OPTIONAL)

_PLACE: Shape = {"query_location": NUMBER, "query_location_length": NUMBER}
_SPOKEN: Shape = {"class": TEXT, "type": TEXT, "alias": TEXT, **_PLACE}
_STANDING: Shape = {"type": TEXT, "alias": TEXT, "sample": SAMPLE, **_PLACE}
_ASKED: Shape = {"type": TEXT, "modifiers": Part("modifier", How.MANY), "cte_map": Part("with")}

QUERIES: Mapping[str, Shape] = {
    "SELECT_NODE": {
        **_ASKED,
        "select_list": EXPRESSIONS,
        "from_table": Part("table"),
        "where_clause": EXPRESSION_OR_NONE,
        "group_expressions": EXPRESSIONS,
        "group_sets": Plain.NUMBER_LISTS,
        "aggregate_handling": _one_of("STANDARD_HANDLING FORCE_AGGREGATES"),
        "having": EXPRESSION_OR_NONE,
        "sample": SAMPLE,
        "qualify": EXPRESSION_OR_NONE,
    },
    "SET_OPERATION_NODE": {
        **_ASKED,
        "setop_type": _one_of("UNION UNION_BY_NAME EXCEPT INTERSECT"),
        "left": Part("query", How.OPTIONAL),
        "right": Part("query", How.OPTIONAL),
        "setop_all": FLAG,
        "children": Part("query", How.MANY),
    },
    "RECURSIVE_CTE_NODE": {
        **_ASKED,
        "cte_name": TEXT,
        "union_all": FLAG,
        "left": Part("query"),
        "right": Part("query"),
        "aliases": TEXTS,
        "key_targets": EXPRESSIONS,
    },
}

TABLES: Mapping[str, Shape] = {
    "BASE_TABLE": {
        **_STANDING,
        "schema_name": TEXT,
        "table_name": TEXT,
        "column_name_alias": TEXTS,
        "catalog_name": TEXT,
        "at_clause": NOTHING,
        "qualified_name": PATH,
    },
    "EMPTY": _STANDING,
    "EXPRESSION_LIST": {
        **_STANDING,
        "expected_names": NOTHING,
        "expected_types": NOTHING,
        "values": Part("expression", How.GRID),
    },
    "JOIN": {
        **_STANDING,
        "left": Part("table"),
        "right": Part("table"),
        "condition": EXPRESSION_OR_NONE,
        "join_type": _one_of("INNER LEFT RIGHT FULL SEMI ANTI"),
        # POSITIONAL says no more than row_number() over () on both sides would.
        "ref_type": _one_of("REGULAR NATURAL CROSS ASOF POSITIONAL NEAREST"),
        "using_columns": TEXTS,
        "delim_flipped": NOTHING,
        "duplicate_eliminated_columns": NOTHING,
        "is_implicit": FLAG,
        "ranking_expression": EXPRESSION_OR_NONE,
        "nearest_count": NUMBER,
        "nearest_order_type": _one_of("ASCENDING DESCENDING"),
        "nearest_approx": FLAG,
    },
    "PIVOT": {
        **_STANDING,
        "source": Part("table"),
        "aggregates": EXPRESSIONS,
        "unpivot_names": TEXTS,
        "pivots": Part("pivot", How.MANY),
        "groups": TEXTS,
        "column_name_alias": TEXTS,
        "include_nulls": FLAG,
    },
    "SUBQUERY": {**_STANDING, "subquery": Part("statement"), "column_name_alias": TEXTS},
    "TABLE_FUNCTION": {
        **_STANDING,
        "function": Part("table_function"),
        "column_name_alias": TEXTS,
        "with_ordinality": _one_of("WITHOUT_ORDINALITY WITH_ORDINALITY"),
    },
}

_CALLED: Shape = {
    **_SPOKEN,
    "function_name": TEXT,
    "schema": TEXT,
    "catalog": TEXT,
    "qualified_name": PATH,
    "arguments": Part("argument", How.MANY),
    "distinct": FLAG,
}
_FUNCTION: Shape = {
    **_CALLED,
    "filter": EXPRESSION_OR_NONE,
    "order_bys": Part("modifier"),
    "is_operator": FLAG,
    "export_state": NOTHING,
}
_BOUNDS = _one_of("""
UNBOUNDED_PRECEDING UNBOUNDED_FOLLOWING CURRENT_ROW_RANGE CURRENT_ROW_ROWS CURRENT_ROW_GROUPS EXPR_PRECEDING_ROWS
EXPR_FOLLOWING_ROWS EXPR_PRECEDING_RANGE EXPR_FOLLOWING_RANGE EXPR_PRECEDING_GROUPS EXPR_FOLLOWING_GROUPS
""")
_WINDOW: Shape = {
    **_CALLED,
    "partitions": EXPRESSIONS,
    "orders": Part("order", How.MANY),
    "start": _BOUNDS,
    "end": _BOUNDS,
    "start_expr": EXPRESSION_OR_NONE,
    "end_expr": EXPRESSION_OR_NONE,
    "offset_expr": EXPRESSION_OR_NONE,
    "default_expr": EXPRESSION_OR_NONE,
    "ignore_nulls": FLAG,
    "has_ignore_nulls": FLAG,
    "filter_expr": EXPRESSION_OR_NONE,
    "exclude_clause": _one_of("NO_OTHER CURRENT_ROW GROUP TIES"),
    "arg_orders": Part("order", How.MANY),
}
_COMPARISON: Shape = {**_SPOKEN, "left": EXPRESSION, "right": EXPRESSION}
_CHILDREN: Shape = {**_SPOKEN, "children": EXPRESSIONS}
_COMPARISONS = """
COMPARE_EQUAL COMPARE_NOTEQUAL COMPARE_LESSTHAN COMPARE_LESSTHANOREQUALTO COMPARE_GREATERTHAN
COMPARE_GREATERTHANOREQUALTO COMPARE_DISTINCT_FROM COMPARE_NOT_DISTINCT_FROM
"""
_OPERATORS = """
ARRAY_CONSTRUCTOR ARRAY_EXTRACT ARRAY_SLICE STRUCT_EXTRACT COMPARE_IN GROUPING_FUNCTION
OPERATOR_COALESCE OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_NOT OPERATOR_TRY OPERATOR_UNPACK
"""
_WINDOWS = """
AGGREGATE CUME_DIST FILL FIRST_VALUE LAG LAST_VALUE LEAD NTH_VALUE NTILE PERCENT_RANK RANK RANK_DENSE ROW_NUMBER
"""

EXPRESSION_KINDS: Mapping[str, Shape] = {
    "BETWEEN/COMPARE_BETWEEN": {**_SPOKEN, "input": EXPRESSION, "lower": EXPRESSION, "upper": EXPRESSION},
    "CASE/CASE_EXPR": {**_SPOKEN, "case_checks": Part("case_check", How.MANY), "else_expr": EXPRESSION},
    "CAST/OPERATOR_CAST": {**_SPOKEN, "child": EXPRESSION, "try_cast": FLAG, "type_expr": Part("cast_type")},
    "COLLATE/COLLATE": {**_SPOKEN, "child": EXPRESSION, "collation": TEXT},
    "COLUMN_REF/COLUMN_REF": {**_SPOKEN, "column_names": TEXTS},
    "CONJUNCTION/CONJUNCTION_AND": _CHILDREN,
    "CONJUNCTION/CONJUNCTION_OR": _CHILDREN,
    "CONSTANT/VALUE_CONSTANT": {**_SPOKEN, "literal": Part("literal")},
    "FUNCTION/FUNCTION": _FUNCTION,
    "LAMBDA/LAMBDA": {
        **_SPOKEN,
        "lhs": EXPRESSION,
        "expr": EXPRESSION,
        "syntax_type": _one_of("SINGLE_ARROW LAMBDA_KEYWORD"),
    },
    "PARAMETER/VALUE_PARAMETER": {**_SPOKEN, "identifier": TEXT},
    "POSITIONAL_REFERENCE/POSITIONAL_REFERENCE": {**_SPOKEN, "index": NUMBER},
    "STAR/STAR": {
        **_SPOKEN,
        "relation_name": TEXT,
        "exclude_list": TEXTS,
        "qualified_exclude_list": Part("column", How.MANY),
        "replace_list": Part("replacement", How.MANY),
        "rename_list": Part("renaming", How.MANY),
        "columns": FLAG,
        "expr": EXPRESSION_OR_NONE,
    },
    "SUBQUERY/SUBQUERY": {
        **_SPOKEN,
        "subquery_type": _one_of("SCALAR EXISTS ANY"),
        "subquery": Part("statement"),
        "child": EXPRESSION_OR_NONE,
        "comparison_type": _one_of(_COMPARISONS + " INVALID"),
    },
    **{f"COMPARISON/{name}": _COMPARISON for name in _COMPARISONS.split()},
    **{f"OPERATOR/{name}": _CHILDREN for name in _OPERATORS.split()},
    **{f"WINDOW/WINDOW_{name}": _WINDOW for name in _WINDOWS.split()},
}

_ORDER: Shape = {
    "type": TEXT,
    "null_order": OneOf(frozenset({"ORDER_DEFAULT", "NULLS FIRST", "NULLS LAST"})),
    "expression": EXPRESSION,
}
_TYPE: Shape = {
    **_SPOKEN,
    "catalog": NOTHING,
    "schema": NOTHING,
    "type_name": TEXT,
    "children": Part("type_child", How.MANY),
    "qualified_name": PATH,
}
_CONSTANT: Mapping[str, Shape] = {"CONSTANT/VALUE_CONSTANT": EXPRESSION_KINDS["CONSTANT/VALUE_CONSTANT"]}

FAMILIES: Mapping[str, Mapping[str, Shape]] = {
    "query": QUERIES,
    "table": TABLES,
    "expression": EXPRESSION_KINDS,
    "modifier": {
        "DISTINCT_MODIFIER": {"type": TEXT, "distinct_on_targets": EXPRESSIONS},
        "ORDER_MODIFIER": {"type": TEXT, "orders": Part("order", How.MANY)},
        "LIMIT_MODIFIER": {
            "type": TEXT,
            "limit": EXPRESSION_OR_NONE,
            "offset": EXPRESSION_OR_NONE,
            "limit_type": _one_of("ROW_COUNT PERCENTAGE"),
        },
    },
    "order": {"ORDER_DEFAULT": _ORDER, "ASCENDING": _ORDER, "DESCENDING": _ORDER},
    "table_function": {"FUNCTION/FUNCTION": _FUNCTION},
    "cast_type": {"TYPE/TYPE": _TYPE},
    "type_child": {"TYPE/TYPE": _TYPE, **_CONSTANT},
    # Parts without a kind of their own: one shape each.
    "statement": {"": {"node": Part("query"), "named_param_map": Part("parameter", How.MANY)}},
    "parameter": {"": {"key": TEXT, "value": NUMBER}},
    "with": {"": {"map": Part("named_query", How.MANY)}},
    "named_query": {"": {"key": TEXT, "value": Part("named_body")}},
    "named_body": {
        "": {
            "aliases": TEXTS,
            "materialized": _one_of("CTE_MATERIALIZE_DEFAULT CTE_MATERIALIZE_ALWAYS CTE_MATERIALIZE_NEVER"),
            "key_targets": EXPRESSIONS,
            "payload_aggregates": EXPRESSIONS,
            "query_node": Part("query"),
        }
    },
    "path": {"": {"path": TEXTS}},
    "argument": {"": {"name": TEXT, "expression": EXPRESSION}},
    "case_check": {"": {"when_expr": EXPRESSION, "then_expr": EXPRESSION}},
    "literal": {
        "": {"kind": _one_of("INTEGER NUMERIC STRING BOOLEAN NULL_LITERAL HEX BIT"), "text": TEXT},
    },
    "column": {"": {"catalog": TEXT, "schema": TEXT, "table": TEXT, "column": TEXT}},
    "replacement": {"": {"key": TEXT, "value": EXPRESSION}},
    "renaming": {"": {"key": Part("column"), "value": TEXT}},
    "pivot": {
        "": {
            "pivot_expressions": EXPRESSIONS,
            "unpivot_names": TEXTS,
            "entries": Part("pivot_entry", How.MANY),
            "pivot_enum": NOTHING,
        }
    },
    "pivot_entry": {"": {"values": NOTHING, "star_expr": EXPRESSION_OR_NONE, "alias": TEXT}},
    "sample": {
        "": {
            "sample_size": Part("value"),
            "is_percentage": FLAG,
            "method": _one_of("System Bernoulli Reservoir"),
            "seed": NUMBER,
            "repeatable": FLAG,
            "sample_rate": NUMBER,
        }
    },
    "value": {"": {"type": Part("value_type"), "is_null": FLAG, "value": NUMBER}},
    "value_type": {"": {"id": _one_of("BIGINT DOUBLE INTEGER"), "type_info": NOTHING}},
}
"""Every family of parts: kind -> shape. A part's kind is `CLASS/TYPE`, its `type`, or empty where there is but one."""

TYPE_NAMES = _words("""
array bigint bignum binary bit bitstring blob bool boolean bpchar bytea char date datetime dec decimal double enum
float float4 float8 guid hugeint int int1 int128 int16 int2 int32 int4 int64 int8 integer integral interval json list
logical long map null numeric nvarchar oid real row short signed smallint string struct text time time_ns timestamp
timestamp_ms timestamp_ns timestamp_s timestamp_us timestamptz timestamptz_ns timetz tinyint tuple ubigint uhugeint
uint128 uint16 uint32 uint64 uint8 uinteger union usmallint utinyint uuid varbinary varchar varint
""") | {"time with time zone", "timestamp with time zone", "character varying", "double precision"}
"""Types that a cast may name: DuckDB's own. Types that someone made, and types of catalogues, are not."""

SESSION_NAMES = _words("""
current_catalog current_database current_role current_schema current_user session_user user
""")
"""Names that DuckDB reads as functions of the session when no column has them."""
