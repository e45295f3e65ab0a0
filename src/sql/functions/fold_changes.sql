-- The images of the rows that once had a key and are still there, out of what is recorded about the key, in the order of
-- ids: of each change, what went (NULL: a row came) and what came (NULL: a row went). Where only columns went and
-- came, it is the row with those values that had them replaced.
--
-- A trigger of the user that writes to other rows of its statement has its own changes recorded before theirs.
-- What fits no row yet therefore waits until it does. What never does is an error: the log lacks the beginning.
CREATE OR REPLACE FUNCTION threadline_schema.fold_changes(key jsonb, gone jsonb[], come jsonb[])
RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  -- More than that waits where the beginning is missing.
  patience constant integer := 1000;
  images jsonb[] := '{}';
  waiting integer[] := '{}';
  change integer;
  place integer;
BEGIN
  FOR latest IN 1..cardinality(come) LOOP
    waiting := waiting || latest;
    WHILE waiting <> '{}' LOOP
      change := waiting[1];
      IF gone[change] IS NULL THEN
        place := NULL;
      ELSIF cardinality(images) = 1 AND (images[1] || gone[change])::text = (gone[change] || images[1])::text THEN
        -- Nearly always so, and found out without a query.
        place := 1;
      ELSE
        -- The first that waits and fits, with the row it fits: they agree on the columns that both have, as texts,
        -- since jsonb takes 1.0 and 1.00 for the same. Columns that fit rows of different looks fit none.
        SELECT w.change, min(i.place) INTO change, place
        FROM unnest(waiting) WITH ORDINALITY w (change, turn)
        LEFT JOIN generate_subscripts(images, 1) i (place) ON (images[i.place] || gone[w.change])::text = (gone[w.change] || images[i.place])::text
        GROUP BY w.change, w.turn
        HAVING gone[w.change] IS NULL OR count(DISTINCT images[i.place]::text) = 1 OR gone[w.change] @> key AND count(i.place) > 0
        ORDER BY w.turn
        LIMIT 1;
        EXIT WHEN NOT FOUND;
      END IF;
      IF place IS NULL THEN
        images := images || come[change];
      ELSIF come[change] IS NULL THEN
        images := images[:place - 1] || images[place + 1:];
      ELSE
        images[place] := CASE WHEN come[change] @> key THEN come[change] ELSE images[place] || come[change] END;
      END IF;
      waiting := array_remove(waiting, change);
    END LOOP;
    EXIT WHEN cardinality(waiting) > patience;
  END LOOP;
  IF waiting <> '{}' THEN
    RAISE EXCEPTION USING ERRCODE = 'TL031',
      MESSAGE = 'Threadline: the log of this table has updates that stored the changed columns alone, and not the rows that they were made to',
      HINT = 'history() and timeline() read it. For replay(), install the triggers of the table with the option baseline.';
  END IF;
  RETURN QUERY SELECT unnest(images);
END
$function$;
