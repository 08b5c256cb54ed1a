"""Which of DuckDB's functions may a query call? Reviewed by subject for DuckDB 2.0.0; what is not named is refused.

Left out on purpose: whatever reads files, settings, the catalogue, the session or the statement itself; whatever says
something of values that are not in the result (`stats`, `error`); whatever waits, writes or keeps state; and what runs
text as SQL. A test compares these names with DuckDB's own list, so that a new function is refused until reviewed.
"""

from __future__ import annotations

ARITHMETIC = """
+ - * / // % ** ^ & | << >> ~ @ !__postfix abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil
ceiling cos cosh cot degrees divide even exp factorial floor fdiv fmod gamma gcd greatest greatest_common_divisor
isfinite isinf isnan lcm least least_common_multiple lgamma ln log log10 log2 mod multiply nextafter pi pow power
radians random round round_even roundbankers sign signbit sin sinh sqrt subtract tan tanh trunc xor
"""
COMPARISON = """
= != <> < <= > >= <=> nullif if coalesce ifnull IS_DISTINCT_FROM
"""
TEXT = """
|| ^@ ~~ !~~ ~~* !~~* ~~~ like_escape not_like_escape ilike_escape not_ilike_escape ascii bar bin char_length
character_length chr concat concat_ws contains damerau_levenshtein editdist3 ends_with format format_bytes
formatreadabledecimalsize formatreadablesize hamming hash hex instr jaccard jaro_similarity jaro_winkler_similarity
lcase left left_grapheme length length_grapheme levenshtein lower lpad ltrim md5 mismatches nfc_normalize ord
overlay position prefix printf regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches
regexp_replace regexp_split_to_array repeat replace reverse right right_grapheme rpad rtrim sha1 sha256 split
split_part starts_with str_split str_split_regex string_split string_split_regex string_to_array strip_accents
strlen strpos substr substring substring_grapheme suffix to_base to_hex translate trim ucase unicode upper
"""
DATES = """
age ago century current_date current_timestamp date_add date_diff date_part date_sub date_trunc datediff datepart
datesub datetrunc day dayname dayofmonth dayofweek dayofyear days_in_month decade epoch epoch_ms era
get_current_timestamp hour isodow isoyear julian last_day make_date make_time make_timestamp millennium millisecond
minute month monthname now quarter second strftime strptime try_strptime time_bucket to_centuries to_days to_decades
to_hours to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today week
weekday weekofyear year yearweek
"""
LISTS_AND_STRUCTS = """
&& <@ @> array_append array_apply array_contains array_distinct array_extract array_filter array_has array_has_all
array_has_any array_indexof array_intersect array_length array_pop_back array_pop_front array_position array_prepend
array_push_back array_push_front array_reverse array_slice array_sort array_to_string array_to_string_comma_default
array_transform array_unique array_value cardinality element_at flatten generate_series list_aggregate
list_any_value list_append list_apply list_avg list_cat list_concat list_contains list_count list_distinct
list_element list_extract list_filter list_first list_has list_has_all list_has_any list_indexof list_intersect
list_last list_max list_median list_min list_mode list_pack list_position list_prepend list_reduce list_reverse
list_reverse_sort list_select list_slice list_sort list_stddev_pop list_stddev_samp list_sum list_transform
list_unique list_value list_where list_zip map map_entries map_extract map_extract_value map_from_entries map_keys
map_values range row struct_concat struct_extract struct_insert struct_keys struct_pack struct_values unnest
"""
AGGREGATES = """
any_value approx_count_distinct approx_quantile arbitrary arg_max arg_max_null arg_min arg_min_null argmax argmin
array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if count_star countif covar_pop covar_samp
entropy favg first fsum geomean geometric_mean group_concat grouping histogram kahan_sum kurtosis kurtosis_pop last
list listagg mad max max_by mean median min min_by mode product quantile quantile_cont quantile_disc regr_avgx
regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy reservoir_quantile sem skewness
stddev stddev_pop stddev_samp string_agg sum sumkahan var_pop var_samp variance wavg weighted_avg
"""
WINDOWS = """
cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number
"""
ALLOWED_FUNCTIONS = frozenset(
    name.lower()
    for subject in (ARITHMETIC, COMPARISON, TEXT, DATES, LISTS_AND_STRUCTS, AGGREGATES, WINDOWS)
    for name in subject.split()
)
TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
"""Functions that stand where a table stands."""

ADVICE = {
    "stats": "It tells of values that no result shows. Use min, max and count on what you may see.",
    "error": "It can carry a value out in its text. Filter the rows instead.",
    "getenv": "The gateway's surroundings are not yours to read.",
    "current_setting": "The engine's settings are not yours to read.",
    "sleep_ms": "A query may not wait.",
    "pg_sleep": "A query may not wait.",
    "setseed": "A query may keep no state. random() is there; sort by hash(pseudonym) for a stable sample.",
    "nextval": "A query may keep no state. Use row_number() over (...).",
    "query": "Text is not run as SQL. Write the statement itself.",
    "query_table": "Tables are named in the statement itself: haven.tables() shows them.",
    "read_csv": "Files are not read. haven.tables() shows the tables that the approval gives.",
    "read_parquet": "Files are not read. haven.tables() shows the tables that the approval gives.",
    "read_text": "Files are not read. haven.tables() shows the tables that the approval gives.",
    "glob": "Files are not listed. haven.tables() shows the tables that the approval gives.",
    "duckdb_tables": "The catalogue is not read. haven.tables() shows the tables that the approval gives.",
    "summary": "Write the aggregates that you need: count, min, max, avg, median.",
}
"""What to write instead, for what people try most."""
