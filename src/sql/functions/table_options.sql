-- The options of a table in their normal form, or an error that names what is wrong with them.
--
--   exclude         ["column", ...]  never stored anywhere; a change of nothing else is not recorded
--   mask            ["column", ...] or {"column": "placeholder"}  stored as the placeholder, by default [REDACTED]
--   ignore          ["column", ...]  an update that changes nothing else is not recorded
--   onMissingActor  "allow" or "reject"  whether a write without an actor is let through or fails
--   truncate        "mark", "rows" or "reject"  one change, one per row and then the mark, or no TRUNCATE at all
--   noop            "skip" or "record"  whether an update that changes nothing is recorded
--   images          "full" or "changed"  what an update stores of the new row
--
-- The first of each list of words is the default and left out of the normal form.
CREATE OR REPLACE FUNCTION threadline_schema.table_options(target regclass, options jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  choices constant jsonb := '{
    "onMissingActor": ["allow", "reject"], "truncate": ["mark", "rows", "reject"],
    "noop": ["skip", "record"], "images": ["full", "changed"]
  }';
  lists constant text[] := '{exclude,mask,ignore}';
  normal jsonb;
  problem text;
  hint text;
BEGIN
  IF jsonb_typeof(options) IS DISTINCT FROM 'object' THEN
    problem := 'the options are not a JSON object';
    hint := 'Pass {} for none.';
  END IF;

  SELECT string_agg(name, ', ' ORDER BY name) INTO problem
  FROM jsonb_object_keys(options) name
  WHERE problem IS NULL AND NOT choices ? name AND name <> ALL (lists);
  IF problem IS NOT NULL AND hint IS NULL THEN
    problem := 'unknown option ' || problem;
    hint := 'Known options: exclude, mask, ignore, onMissingActor, truncate, noop, images.';
  END IF;
  problem := coalesce(problem, threadline_schema.problem_of_choices(options, choices));
  IF problem IS NULL THEN
    normal := (
      SELECT coalesce(jsonb_object_agg(name, chosen), '{}') FROM jsonb_each(options) o (name, chosen)
      WHERE choices ? name AND chosen <> choices -> name -> 0
    ) || threadline_schema.column_options(options);
    problem := threadline_schema.problem_of_columns(target, normal);
    hint := 'Columns are named exactly, without quotes, each in one list at most.';
  END IF;

  IF problem IS NOT NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'TL006',
      MESSAGE = format('Threadline: options of %s: %s', target, problem),
      HINT = coalesce(hint, 'Leave an option out for its default.');
  END IF;
  RETURN normal;
END
$function$;
