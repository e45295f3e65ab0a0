-- The image that an update left, if the log has all of it. Fails where the update was recorded with the option
-- images: 'changed', which stores too little to replay: not even the key.
--
-- Without SET, since its callers have pinned the search path.
CREATE OR REPLACE FUNCTION threadline_schema.whole_image(image jsonb, key jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $function$
BEGIN
  IF image @> key OR key IS NULL THEN
    RETURN image;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'TL031',
    MESSAGE = 'Threadline: the log of this table holds updates that stored the changed columns alone, and cannot be replayed',
    HINT = 'history() and timeline() read it. For replay(), audit the table with images: full and record a new baseline.';
END
$function$;
