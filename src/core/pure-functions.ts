/**
 * Built-in functions that cannot write, by name. A call of anything else makes a statement one that
 * may write. Left out on purpose: whatever has a side effect (sequences, locks, notifications,
 * set_config, large objects, files), whatever runs SQL that it is given (query_to_xml), and names that an
 * application is likely to have functions of its own by, for other types (log, sign, reverse).
 */
export const PURE_FUNCTIONS: ReadonlySet<string> = new Set(
  `
  abs acos age any_value array array_agg array_append array_cat array_dims array_fill array_length array_lower
  array_ndims array_position array_positions array_prepend array_remove array_replace array_to_json array_to_string
  array_upper ascii asin atan atan2 avg bit bit_and bit_length bit_or bool bool_and bool_or boolean btrim cardinality
  cast cbrt ceil ceiling char char_length character character_length chr coalesce col_description concat concat_ws corr
  cos cosh cot count covar_pop covar_samp cume_dist current_database current_query current_schema current_schemas
  current_setting date date_bin date_part date_trunc decimal decode degrees dense_rank div encode enum_first enum_last
  enum_range every exp extract factorial first_value float floor format format_type gcd generate_series
  generate_subscripts greatest grouping has_schema_privilege has_table_privilege initcap inet_client_addr
  inet_server_addr int integer interval isempty isfinite json json_agg json_array_elements json_array_elements_text
  json_array_length json_build_array json_build_object json_each json_each_text json_extract_path json_extract_path_text
  json_object json_object_agg json_object_keys json_strip_nulls json_to_record json_typeof jsonb_agg
  jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
  jsonb_each_text jsonb_exists jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg
  jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first
  jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days justify_hours
  justify_interval lag last_value lcm lead least left length ln localtime localtimestamp log10 lower lower_inc lower_inf
  lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz masklen max md5 min mod mode multirange
  now nth_value ntile nullif num_nonnulls num_nulls numeric numnode obj_description octet_length parse_ident
  percent_rank percentile_cont percentile_disc pg_backend_pid pg_column_size pg_database_size pg_get_constraintdef
  pg_get_expr pg_get_functiondef pg_get_indexdef pg_get_userbyid pg_get_viewdef pg_is_in_recovery
  pg_postmaster_start_time pg_relation_size pg_size_pretty pg_table_is_visible pg_table_size pg_total_relation_size
  pg_typeof phraseto_tsquery pi plainto_tsquery position power precision quote_ident quote_literal quote_nullable
  radians random rank regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
  regexp_split_to_array regexp_split_to_table regexp_substr right round row row_number row_to_json rpad rtrim sha224
  sha256 sha384 sha512 sin sinh split_part sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg
  string_to_array string_to_table strpos substr substring sum tan tanh text time timeofday timestamp timestamptz timetz
  to_char to_date to_hex to_json to_jsonb to_number to_regclass to_regtype to_timestamp to_tsquery to_tsvector
  transaction_timestamp treat trim trim_scale trunc ts_headline ts_rank ts_rank_cd tsvector_to_array
  txid_current_if_assigned unistr unnest upper upper_inc upper_inf uuid uuidv4 uuidv7 gen_random_uuid var_pop var_samp
  varbit varchar variance version websearch_to_tsquery width_bucket clock_timestamp
  `
    .trim()
    .split(/\s+/),
);

/**
 * Reserved words that a parenthesis may follow without a function being called. None of these can
 * name a function unless it is quoted.
 */
export const RESERVED_BEFORE_PARENTHESIS: ReadonlySet<string> = new Set(
  `
  all and any as asymmetric between both by case distinct else end except exists fetch for from group having ilike in
  intersect join lateral leading left like limit not offset on only or order over select some symmetric then trailing
  union using values when where window with
  `
    .trim()
    .split(/\s+/),
);
