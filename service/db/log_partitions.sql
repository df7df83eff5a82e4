-- The routines by which the partitions of the decision log are made and dropped; every `magistrate db migrate` makes
-- them anew, for a copy of the tables has none. {schema} is the schema of the tables.
--
-- A partition is a range of UUIDv7 ids, so of time, and every partitioned table of the log has one for the same range.
-- They run as the owner of the tables: who ships records, or expires them, owns nothing. So they take numbers alone,
-- and look names up where nobody else can put any.

CREATE OR REPLACE FUNCTION {schema}.magistrate_log_partitions(OUT first_ms bigint, OUT until_ms bigint)
RETURNS SETOF record LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH bounds AS (
    SELECT pg_get_expr(child.relpartbound, child.oid) AS bound
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = '{schema}.decision'::regclass
  ), digits AS (
    SELECT replace(substring(bound FROM 'FROM \(''([0-9a-f-]{13})'), '-', '') AS low,
      replace(substring(bound FROM 'TO \(''([0-9a-f-]{13})'), '-', '') AS high
    FROM bounds
  )
  SELECT coalesce(('x0000' || low)::bit(64)::bigint, 0), coalesce(('x0000' || high)::bit(64)::bigint, 1::bigint << 48)
  FROM digits ORDER BY 1
$$;

CREATE OR REPLACE FUNCTION {schema}.magistrate_log_first_id(moment bigint)
RETURNS uuid LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT (lpad(to_hex(moment), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE OR REPLACE FUNCTION {schema}.magistrate_log_partitioned()
RETURNS SETOF name LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE quote_ident(nspname) = '{schema}' AND relkind = 'p' AND relname ~ '^decision(_|$)' ORDER BY relname
$$;

-- Whether a partition for that moment (in milliseconds since 1970 UTC) had to be made. It is `span` milliseconds long,
-- less where it would reach into another. Nobody who reads or writes waits for it.
CREATE OR REPLACE FUNCTION {schema}.magistrate_log_make_partition(moment bigint, span bigint)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  low bigint := moment - moment % span;
  high bigint := low + span;
  suffix text;
  parent text;
BEGIN
  IF moment < 0 OR moment >= 1::bigint << 48 OR span < 3600000 OR span % 3600000 <> 0 THEN
    RAISE EXCEPTION 'a partition is of whole hours, at a moment that an id can name';
  END IF;
  IF EXISTS (SELECT FROM {schema}.magistrate_log_partitions() WHERE first_ms <= moment AND moment < until_ms) THEN
    RETURN false;
  END IF;
  PERFORM pg_advisory_xact_lock({lock});
  IF EXISTS (SELECT FROM {schema}.magistrate_log_partitions() WHERE first_ms <= moment AND moment < until_ms) THEN
    RETURN false; -- another made it while this one waited
  END IF;
  SELECT greatest(low, max(until_ms) FILTER (WHERE until_ms <= moment)),
    least(high, min(first_ms) FILTER (WHERE first_ms > moment))
  INTO low, high FROM {schema}.magistrate_log_partitions();
  suffix := to_char(to_timestamp(low / 1000) AT TIME ZONE 'UTC', '_YYYYMMDD"t"HH24');
  WHILE to_regclass('{schema}.decision' || suffix) IS NOT NULL LOOP
    suffix := suffix || '_'; -- one was taken out of the log, and not dropped
  END LOOP;
  FOR parent IN SELECT * FROM {schema}.magistrate_log_partitioned() LOOP
    -- Made apart and attached: a table that is made as a partition waits for every reader, and has all others wait.
    EXECUTE format(
      'CREATE TABLE {schema}.%I (LIKE {schema}.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', parent || suffix, parent
    );
    EXECUTE format(
      'ALTER TABLE {schema}.%I ATTACH PARTITION {schema}.%I FOR VALUES FROM (%L) TO (%L)', parent, parent || suffix,
      {schema}.magistrate_log_first_id(low), {schema}.magistrate_log_first_id(high)
    );
  END LOOP;
  RETURN true;
END
$$;

-- Drops the partition of exactly that range with every row in it, and says whether there was one. It waits for who
-- reads the log now, at most five seconds; first at `decision`, as who reads or ships begins there: else two would wait
-- for each other.
CREATE OR REPLACE FUNCTION {schema}.magistrate_log_drop_partition(low bigint, high bigint)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
  bound text;
  child regclass;
  dropped boolean := false;
BEGIN
  PERFORM pg_advisory_xact_lock({lock});
  SELECT pg_get_expr(relpartbound, pg_class.oid) INTO bound
  FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
  WHERE inhparent = '{schema}.decision'::regclass AND pg_get_expr(relpartbound, pg_class.oid) = format(
    'FOR VALUES FROM (%s) TO (%s)',
    CASE WHEN low = 0 THEN 'MINVALUE' ELSE quote_literal({schema}.magistrate_log_first_id(low)) END,
    CASE WHEN high = 1::bigint << 48 THEN 'MAXVALUE' ELSE quote_literal({schema}.magistrate_log_first_id(high)) END
  );
  FOR child IN
    SELECT inhrelid FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent IN (SELECT format('{schema}.%I', parent)::regclass FROM {schema}.magistrate_log_partitioned() AS parent)
      AND pg_get_expr(relpartbound, pg_class.oid) = bound
    ORDER BY inhparent::regclass::text
  LOOP
    EXECUTE format('DROP TABLE %s', child);
    dropped := true;
  END LOOP;
  RETURN dropped;
END
$$;

REVOKE ALL ON FUNCTION {schema}.magistrate_log_make_partition(bigint, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION {schema}.magistrate_log_drop_partition(bigint, bigint) FROM PUBLIC;
