"""Which functions were reviewed and refused, why, and what does one write instead?

Whatever reads files, settings, the catalogue or the session, tells of values that no result shows, waits, writes, keeps
state, runs text as SQL, or is DuckDB's inside. A function in neither list is refused too, as not reviewed.
Rule: Five Safes, safe settings; a query sees the approved tables and nothing else (design section 4).
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class RefusedFunctions:
    """Some functions, the reason as the asker reads it, and what to write instead."""

    reason: str
    mend: str
    names: frozenset[str]
    patterns: tuple[str, ...] = ()

    def __contains__(self, name: str) -> bool:
        return name in self.names or any(re.fullmatch(pattern, name) for pattern in self.patterns)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHOWN = "haven.tables() shows the tables that the approval gives."

REFUSED_FUNCTIONS: tuple[RefusedFunctions, ...] = (
    RefusedFunctions(
        "it reads or lists files",
        f"Files are not read through SQL. {SHOWN}",
        _names("""
        arrow_scan arrow_scan_dumb glob pandas_scan parquet_bloom_probe parquet_scan python_arrow_scan read_blob
        read_csv read_csv_auto read_duckdb read_json read_json_auto read_json_objects read_json_objects_auto read_ndjson
        read_ndjson_auto read_ndjson_objects read_parquet read_single_csv_file read_single_json_file
        read_single_parquet_file read_text sniff_csv parquet_file_metadata parquet_full_metadata parquet_kv_metadata
        parquet_metadata parquet_schema python_map_function copy_database import_database add_parquet_key path_join
        """),
        (r"(read|scan|sniff|parquet|sqlite|postgres|mysql|iceberg|delta)_\w+", r"(st_read|seq_scan)\w*"),
    ),
    RefusedFunctions(
        "it reads the catalogue, the settings or the engine",
        f"{SHOWN} typeof(column) tells a column's type.",
        _names("""
        collations database_list database_size duckdb_logs_parsed duckdb_profiling_settings extension_versions functions
        metadata_info platform show show_databases show_tables show_tables_expanded storage_info table_info user_agent
        current_catalog current_database current_role current_schema current_schemas current_user session_user user
        current_connection_id current_query current_query_id current_setting current_transaction_id txid_current
        get_block_size getenv getvariable in_search_path version which_secret icu_calendar_names pg_timezone_names
        inet_client_addr inet_client_port inet_server_addr inet_server_port col_description obj_description
        shobj_description format_type format_pg_type map_to_pg_oid test_all_types test_vector_types
        """),
        (r"duckdb_\w+", r"pragma_\w+", r"pg_(?!sleep)\w+", r"has_\w+_privilege"),
    ),
    RefusedFunctions(
        "it tells of values or storage that no result shows",
        "Write the aggregates that you need: count, min, max, avg, quantile_cont.",
        _names("""
        stats summary vector_type enum_code enum_first enum_last enum_range enum_range_boundary index_key
        """),
    ),
    RefusedFunctions(
        "its text can carry a value out with an error",
        "Keep the rows that you want with WHERE, or count the others with count_if(...).",
        _names("error assert_true"),
    ),
    RefusedFunctions(
        "it waits", "A query may not wait; leave the call out.", _names("sleep_ms pg_sleep"), (r"\w*sleep\w*",)
    ),
    RefusedFunctions(
        "it runs text as SQL",
        "Write the statement itself, with its tables and columns by name.",
        _names("""
        query query_table json_deserialize_sql json_execute_serialized_sql json_serialize_plan json_serialize_sql
        """),
    ),
    RefusedFunctions(
        "it changes the engine or keeps state",
        "To number rows use row_number() over (...); for a stable sample REPEATABLE (seed) or hash(pseudonym).",
        _names("""
        nextval currval setval setseed write_log checkpoint force_checkpoint truncate_duckdb_logs verify_parallelism
        create_external_resource deregister_external_resource destroy_external_resource register_external_resource
        register_external_resource_type
        """),
        (r"(enable|disable)_\w+",),
    ),
    RefusedFunctions(
        "it works on the engine's own states and types",
        "Write the aggregate or the cast itself: sum(...), CAST(column AS type).",
        _names("""
        combine combine_aggr finalize to_aggregate_state can_cast_implicitly cast_to_type get_type make_type
        replace_type remap_struct constant_or_null create_sort_key icu_sort_key decimal_division decimal_average
        sum_no_overflow bitstring_byte_comparable timetz_byte_comparable hive_partition_component
        parse_duckdb_log_message unpivot_list json_copy_strftime_if_date json_copy_strftime_if_timestamp
        repeat_row seq_scan
        """),
        (r"__\w+",),
    ),
    RefusedFunctions(
        "it is DuckDB's inside of COLLATE",
        "Write COLLATE: ORDER BY column COLLATE nocase.",
        frozenset(),
        (r"(icu_)?collate_\w+",),
    ),
    RefusedFunctions(
        "no approved column has a type that it works on",
        "Use structs, maps, lists or JSON values.",
        frozenset({"union_extract", "union_tag", "union_value", "vertex_extract"}),
        (r"variant_\w+", r"st_\w+"),
    ),
    RefusedFunctions(
        "it is a table of its own",
        "Use unnest(json_keys(...)), unnest(list) or histogram(column).",
        _names("json_each json_tree histogram_values"),
    ),
    RefusedFunctions(
        "DuckDB writes it for a comparison",
        "Write IS DISTINCT FROM or IS NOT DISTINCT FROM between two values.",
        frozenset({"is distinct from", "is not distinct from"}),
    ),
)


def why_refused(name: str) -> RefusedFunctions | None:
    """The review of a function that may not be called; None: it was not reviewed. `name` in small letters."""
    return next((refused for refused in REFUSED_FUNCTIONS if name in refused), None)
