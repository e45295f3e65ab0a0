-- Reads the two settings that carry the context, whatever is in them.
--
-- A client may set them by hand, and what it writes must never make its write fail: what is usable is used,
-- and what is not is kept as it is, cut to 2,000 characters, in meta under "malformed".
CREATE OR REPLACE FUNCTION threadline_schema.read_settings(
  actor_text text,
  context_text text,
  OUT actor_ref jsonb,
  OUT correlation_id text,
  OUT request_id text,
  OUT job_id text,
  OUT source text,
  OUT remote_ip text,
  OUT meta jsonb
)
LANGUAGE plpgsql STABLE
AS $function$
DECLARE
  context jsonb;
  unusable jsonb;
  malformed jsonb := '{}';
BEGIN
  BEGIN
    actor_ref := nullif(actor_text, '');
    context := nullif(context_text, '');
  EXCEPTION WHEN OTHERS THEN
    actor_ref := threadline_schema.jsonb_or_null(actor_text);
    context := threadline_schema.jsonb_or_null(context_text);
  END;

  IF actor_text <> '' AND threadline_schema.is_actor_ref(actor_ref) IS NOT TRUE THEN
    actor_ref := NULL;
    malformed := jsonb_build_object('actor_ref', left(actor_text, 2000));
  END IF;

  IF context_text <> '' THEN
    IF jsonb_typeof(context) = 'object' AND octet_length(context_text) <= 65536 THEN
      correlation_id := threadline_schema.setting_field(context, 'correlation_id');
      request_id := threadline_schema.setting_field(context, 'request_id');
      job_id := threadline_schema.setting_field(context, 'job_id');
      source := threadline_schema.setting_field(context, 'source');
      remote_ip := threadline_schema.setting_field(context, 'remote_ip');
      unusable := jsonb_strip_nulls(context - 'meta') - array_remove(ARRAY[
        CASE WHEN correlation_id IS NOT NULL THEN 'correlation_id' END,
        CASE WHEN request_id IS NOT NULL THEN 'request_id' END,
        CASE WHEN job_id IS NOT NULL THEN 'job_id' END,
        CASE WHEN source IS NOT NULL THEN 'source' END,
        CASE WHEN remote_ip IS NOT NULL THEN 'remote_ip' END
      ], NULL);
      IF jsonb_typeof(context -> 'meta') = 'object' THEN
        meta := context -> 'meta';
      ELSIF context -> 'meta' <> 'null' THEN
        unusable := context;
      END IF;
    END IF;
    IF unusable IS DISTINCT FROM '{}' THEN
      malformed := malformed || jsonb_build_object('context', left(context_text, 2000));
    END IF;
  END IF;

  IF malformed <> '{}' THEN
    meta := coalesce(meta, '{}') || jsonb_build_object('malformed', malformed);
  END IF;
END
$function$;
