-- migrations_lock: One process migrates at a time; the lock ends with the connection.
-- SCATTER: reads no table.
SELECT pg_advisory_lock(7305796700021);

-- migrations_table: The list of what was applied.
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- migrations_there: Whether the list is there.
-- SCATTER: reads the catalogue.
SELECT to_regclass('migrations') IS NOT NULL;

-- migrations_applied: The highest number applied, 0 if none.
-- SCATTER: the list is one for the whole store.
SELECT coalesce(max(number), 0) FROM migrations;

-- migrations_add: Note that a migration was applied.
INSERT INTO migrations (number, name) VALUES ($1, $2);

-- migrations_analyze: Tell the planner that new tables are empty; without this it takes them for ten pages of anything.
ANALYZE;

-- server_version: The server's version as a number.
-- SCATTER: reads no table.
SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
    current_setting('server_encoding');

-- sweep_names: Remove names that have expired.
-- SCATTER: ends come in all shards alike.
DELETE FROM names WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM names WHERE expires <= $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED
));

-- sweep_tombstones: Remove tombstones.
-- SCATTER: ends come in all shards alike.
DELETE FROM objects WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM objects WHERE deleted_ms <= $1 ORDER BY deleted_ms LIMIT $2 FOR UPDATE SKIP LOCKED
));

-- sweep_empty_counts: Remove counts of lists that are empty.
-- SCATTER: lists become empty in all shards alike.
DELETE FROM counts WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM counts WHERE length = 0 ORDER BY shard LIMIT $1 FOR UPDATE SKIP LOCKED
));

-- sweep_changes: Trim the change log, and remember how far.
-- SCATTER: the change log is one for the whole store.
WITH gone AS (
    DELETE FROM changes WHERE ctid = ANY (ARRAY(SELECT ctid FROM changes WHERE at_ms <= $1 ORDER BY at_ms LIMIT $2))
    RETURNING transaction
), noted AS (
    UPDATE changes_trimmed SET transaction = greatest(transaction, (SELECT max(transaction) FROM gone))
    WHERE EXISTS (SELECT FROM gone)
)
SELECT count(*) FROM gone;

-- sweep_values: Remove values that have ended.
-- SCATTER: ends come in all shards alike.
DELETE FROM keyspace_values WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM keyspace_values WHERE ends <= $1 ORDER BY ends LIMIT $2 FOR UPDATE SKIP LOCKED
));

-- sweep_counters: Remove counters that have ended.
-- SCATTER: ends come in all shards alike.
DELETE FROM keyspace_counters WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM keyspace_counters WHERE ends <= $1 ORDER BY ends LIMIT $2 FOR UPDATE SKIP LOCKED
));

-- sweep_lists: Remove lists that have ended, with all that they hold.
-- SCATTER: ends come in all shards alike.
SELECT coalesce(sum(ripstop_lists_drop(e.keyspace, e.shards, e.keys, $1)), 0)::bigint
FROM (
    SELECT l.keyspace, array_agg(l.shard) AS shards, array_agg(l.key) AS keys
    FROM (SELECT shard, keyspace, key FROM keyspace_lists WHERE ends <= $1 ORDER BY ends LIMIT $2) AS l
    GROUP BY l.keyspace
) AS e;

-- backup_migrations: The migrations that a copy was made under.
-- SCATTER: the list is one for the whole store.
SELECT max(number) FROM migrations;

-- backup_count: How many of the tables of record have rows; 0 in a new store.
-- SCATTER: a question to the whole store.
SELECT (SELECT count(*) FROM (SELECT FROM objects LIMIT 1) AS o)
    + (SELECT count(*) FROM (SELECT FROM names LIMIT 1) AS n)
    + (SELECT count(*) FROM (SELECT FROM associations LIMIT 1) AS a)
    + (SELECT count(*) FROM (SELECT FROM calls LIMIT 1) AS c);
