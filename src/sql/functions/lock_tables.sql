-- Locks tables against writes, as creating a trigger does, without harm to whoever writes to them. Who waits in line for a
-- lock holds up all who come later, for as long as the longest transaction takes; and who holds one table while waiting for
-- another is in a deadlock with whoever has written to them in the other order, which may end that one's transaction. So
-- all are locked within half of the time after which PostgreSQL looks for deadlocks, or let go again and tried anew.
--
-- Where that does not succeed for a minute, or for as long as the caller would wait for a lock, or the caller may create
-- triggers and not lock, the tables are left to what locks them next.
CREATE OR REPLACE FUNCTION threadline_schema.lock_tables(tables regclass[])
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $function$
DECLARE
  own_timeout constant text := current_setting('lock_timeout');
  patience constant timestamptz := clock_timestamp()
    + least(CASE WHEN own_timeout <> '0' THEN own_timeout::interval END, interval '1 minute');
  deadline timestamptz;
  target regclass;
BEGIN
  WHILE clock_timestamp() < patience LOOP
    BEGIN
      deadline := clock_timestamp() + current_setting('deadlock_timeout')::interval / 2;
      FOREACH target IN ARRAY tables LOOP
        PERFORM set_config('lock_timeout', greatest(1, 1000 * extract(epoch FROM deadline - clock_timestamp()))::integer::text, true);
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', threadline_schema.own_rows(target));
      END LOOP;
      EXIT;
    EXCEPTION
      WHEN lock_not_available THEN NULL;
      WHEN insufficient_privilege THEN EXIT;
    END;
    -- Those who were held up go first.
    PERFORM pg_sleep(0.1 + 0.1 * random());
  END LOOP;
  PERFORM set_config('lock_timeout', own_timeout, true);
END
$function$;
