"""Of what may a statement's parse tree consist? Kinds, keys and types as DuckDB 2.0.0 writes them, each reviewed."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NODES = _words("""
ASCENDING BASE_TABLE DESCENDING DISTINCT_MODIFIER EMPTY EXPRESSION_LIST JOIN LIMIT_MODIFIER ORDER_DEFAULT
ORDER_MODIFIER PIVOT RECURSIVE_CTE_NODE SELECT_NODE SET_OPERATION_NODE SUBQUERY TABLE_FUNCTION
""")
"""Kinds without a class: queries, what stands in FROM, modifiers, directions. Not SHOW_REF and the like."""

EXPRESSIONS = _words("""
BETWEEN/COMPARE_BETWEEN CASE/CASE_EXPR CAST/OPERATOR_CAST COLLATE/COLLATE COLUMN_REF/COLUMN_REF
COMPARISON/COMPARE_DISTINCT_FROM COMPARISON/COMPARE_EQUAL COMPARISON/COMPARE_GREATERTHAN
COMPARISON/COMPARE_GREATERTHANOREQUALTO COMPARISON/COMPARE_LESSTHAN COMPARISON/COMPARE_LESSTHANOREQUALTO
COMPARISON/COMPARE_NOTEQUAL COMPARISON/COMPARE_NOT_DISTINCT_FROM CONJUNCTION/CONJUNCTION_AND
CONJUNCTION/CONJUNCTION_OR CONSTANT/VALUE_CONSTANT FUNCTION/FUNCTION LAMBDA/LAMBDA OPERATOR/ARRAY_CONSTRUCTOR
OPERATOR/ARRAY_EXTRACT OPERATOR/ARRAY_SLICE OPERATOR/COMPARE_IN OPERATOR/COMPARE_NOT_IN OPERATOR/GROUPING_FUNCTION
OPERATOR/OPERATOR_COALESCE OPERATOR/OPERATOR_IS_NOT_NULL OPERATOR/OPERATOR_IS_NULL OPERATOR/OPERATOR_NOT
OPERATOR/OPERATOR_NULLIF OPERATOR/OPERATOR_TRY OPERATOR/STRUCT_EXTRACT PARAMETER/VALUE_PARAMETER
POSITIONAL_REFERENCE/POSITIONAL_REFERENCE STAR/STAR SUBQUERY/SUBQUERY TYPE/TYPE WINDOW/WINDOW_AGGREGATE
WINDOW/WINDOW_CUME_DIST WINDOW/WINDOW_FILL WINDOW/WINDOW_FIRST_VALUE WINDOW/WINDOW_LAG WINDOW/WINDOW_LAST_VALUE
WINDOW/WINDOW_LEAD WINDOW/WINDOW_NTH_VALUE WINDOW/WINDOW_NTILE WINDOW/WINDOW_PERCENT_RANK WINDOW/WINDOW_RANK
WINDOW/WINDOW_RANK_DENSE WINDOW/WINDOW_ROW_NUMBER
""")
"""Class and type of every expression that may stand in a statement."""

KEYS = _words("""
aggregate_handling aggregates alias aliases arg_orders arguments at_clause case_checks catalog catalog_name child
children class collation column_name_alias column_names columns comparison_type condition cte_map cte_name
default_expr delim_flipped distinct distinct_on_targets duplicate_eliminated_columns else_expr end end_expr entries
exclude_clause exclude_list expected_names expected_types export_state expr expression filter filter_expr from_table
function function_name group_expressions group_sets groups has_ignore_nulls having id identifier ignore_nulls
include_nulls index input is_implicit is_null is_operator is_percentage join_type key key_targets kind left lhs
limit limit_type literal lower map materialized method modifiers name named_param_map nearest_approx nearest_count
nearest_order_type node null_order offset offset_expr order_bys orders partitions path payload_aggregates pivot_enum
pivot_expressions pivots qualified_exclude_list qualified_name qualify query_location query_location_length
query_node ranking_expression ref_type relation_name rename_list repeatable replace_list right sample sample_rate
sample_size schema schema_name seed select_list setop_all setop_type source star_expr start start_expr subquery
subquery_type syntax_type table_name text then_expr try_cast type type_expr type_info type_name union_all
unpivot_names upper using_columns value values when_expr where_clause with_ordinality
""")
"""Every key that a part may have."""

LITERAL_KINDS = _words("""
BOOLEAN HEX INTEGER NULL_LITERAL NUMERIC STRING
""")
"""Kinds of literals."""

VALUE_TYPES = _words("""
BIGINT BOOLEAN DECIMAL DOUBLE INTEGER VARCHAR
""")
"""Types of values that the parser made itself (a sample's size)."""

TYPE_NAMES = _words("""
array bigint bit blob bool boolean bpchar bytea char date datetime dec decimal double float float4 float8 hugeint
int int1 int2 int4 int8 integer interval list logical long map numeric real row short signed smallint string struct
text time timestamp timestamptz tinyint ubigint uhugeint uinteger usmallint utinyint uuid varchar
""") | {
    "double precision",
    "time with time zone",
    "timestamp with time zone",
    "timestamp without time zone",
}
"""Types that a cast may name. Not enum, names of a user's own types (another catalogue), json, variant, union."""
