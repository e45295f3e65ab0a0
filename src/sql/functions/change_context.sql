-- Notes where the row of the context is that a database transaction leaves, and says where that of the one is that it
-- enters: NULL where that is new. Settings say so, which anybody can write.
--
-- Without SET: whoever calls this has pinned the search path. The list begins anew after some 200 contexts; one that comes back later than that gets a second row.
CREATE OR REPLACE FUNCTION threadline_schema.change_context(left_transaction text, entered_key text)
RETURNS tid
LANGUAGE plpgsql VOLATILE
AS $function$
DECLARE
  left_place text := split_part(left_transaction, E'\x01', -1);
  left_key text := left(left_transaction, length(left_transaction) - length(left_place));
  left_digest text := encode(sha256(convert_to(left_key, getdatabaseencoding())), 'hex');
  entered_digest text := encode(sha256(convert_to(entered_key, getdatabaseencoding())), 'hex');
  others text := coalesce(current_setting('threadline.transaction_others', true), '');
  place tid := threadline_schema.place_of(E'\x01' || substring(others FROM entered_digest || '=([(][0-9]+,[0-9]+[)])'));
BEGIN
  others := CASE WHEN length(others) > 16000 THEN '' ELSE regexp_replace(others, left_digest || '=[^ ]+ ', '') END;
  others := others || left_digest || '=' || left_place || ' ';
  PERFORM set_config('threadline.transaction_others', others, true);
  RETURN place;
END
$function$;
