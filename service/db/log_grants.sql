-- The roles of the decision log on PostgreSQL, and what each may do; `magistrate db grants` prints this file.
--
-- To be run by the owner of the tables, who is whoever ran `magistrate db migrate`, after every migration. It may be run
-- again at any time, and takes back what it does not give. Making roles that are lacking needs CREATEROLE.
-- Nobody logs in as one of these: make users of your own, and make them members.

DO $$
DECLARE
  role text;
BEGIN
  FOREACH role IN ARRAY ARRAY['magistrate_log_service', 'magistrate_log_reader', 'magistrate_log_retention'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role);
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN
      NULL; -- another database of the server has them made just now
    END;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role);
  END LOOP;
END
$$;

REVOKE ALL ON decision, decision_rule, decision_missing, decision_attribute, chain_link, chain_head, chain_origin,
  checkpoint, log_note, log_hold, spool_position, unauthenticated, magistrate_log_version
  FROM magistrate_log_service, magistrate_log_reader, magistrate_log_retention;

-- The service adds records, and can neither change nor remove one.
GRANT SELECT, INSERT ON decision, decision_rule, decision_missing, decision_attribute, chain_link, checkpoint
  TO magistrate_log_service;
GRANT SELECT ON chain_origin, log_note, log_hold, magistrate_log_version TO magistrate_log_service;
-- How far it has come moves on, and the sums of calls that were not authenticated are no records.
GRANT SELECT, INSERT, UPDATE ON chain_head, spool_position TO magistrate_log_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON unauthenticated TO magistrate_log_service;
GRANT EXECUTE ON FUNCTION magistrate_log_make_partition(bigint, bigint) TO magistrate_log_service;

-- An auditor reads everything.
GRANT SELECT ON decision, decision_rule, decision_missing, decision_attribute, chain_link, chain_head, chain_origin,
  checkpoint, log_note, log_hold, spool_position, unauthenticated, magistrate_log_version TO magistrate_log_reader;

-- Retention takes records out under notes, which stay, and leaves their links without salt. It keeps the holds too.
GRANT SELECT ON chain_head, chain_origin, checkpoint, magistrate_log_version TO magistrate_log_retention;
GRANT SELECT, DELETE ON decision, decision_rule, decision_missing, decision_attribute TO magistrate_log_retention;
GRANT SELECT, UPDATE (salt, note) ON chain_link TO magistrate_log_retention;
GRANT SELECT, INSERT ON log_note TO magistrate_log_retention;
GRANT SELECT, INSERT, DELETE ON log_hold TO magistrate_log_retention;
GRANT EXECUTE ON FUNCTION magistrate_log_drop_partition(bigint, bigint) TO magistrate_log_retention;
