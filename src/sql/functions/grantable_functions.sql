-- The functions that the owner may let others call, and whom: readers of the log, or those who write the tables.
CREATE OR REPLACE FUNCTION threadline_schema.grantable_functions()
RETURNS TABLE (name name, audience text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
  VALUES
    ('record_action'::name, 'writers'),
    -- What a parameter says in characters that the encoding of the database lacks.
    ('jsonb_or_null', 'readers'),
    ('jsonb_or_null', 'writers'),
    ('replay', 'readers'),
    -- What history and replay are made of.
    ('row_hash', 'readers'),
    ('table_hash', 'readers'),
    ('key_number', 'readers'),
    ('json_of', 'readers'),
    ('find_table', 'readers'),
    ('find_history', 'readers'),
    ('plain_history', 'readers'),
    ('change_entries', 'readers'),
    ('is_actor_ref', 'readers'),
    ('recorded_names', 'readers'),
    ('standing_changes', 'readers'),
    ('baseline_of', 'readers'),
    ('fold_changes', 'readers')
$function$;
