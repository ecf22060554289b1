-- moving_there: Whether a move into this database is under way.
-- SCATTER: reads the catalogue.
SELECT to_regclass('moving') IS NOT NULL;

-- moving_begin: Make the row that says how far a move has come; while its table is there, no store is opened.
CREATE TABLE moving (
    token text NOT NULL,
    progress text NOT NULL
);

-- moving_note: Say under which token the move is, and how far it has come.
-- SCATTER: there is one row for the whole store.
WITH gone AS (DELETE FROM moving) INSERT INTO moving (token, progress) VALUES ($1, $2);

-- moving_progress: Under which token the move is, and how far it has come.
-- SCATTER: there is one row for the whole store.
SELECT token, progress FROM moving;

-- moving_finish: Let the store be opened.
DROP TABLE IF EXISTS moving;

-- moving_analyze: Have the planner know the tables.
ANALYZE;

-- moving_call_counts_drop: Forget the numbers of calls.
-- SCATTER: the numbers of the whole store.
DELETE FROM call_counts;

-- moving_call_counts: Count the calls of each function.
-- SCATTER: the numbers of the whole store.
INSERT INTO call_counts (shard, function, waiting, ready, leased, dead)
SELECT 0, function, count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1),
    count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state = 3)
FROM calls GROUP BY function;

-- moving_names: Give names to holders, for ever.
INSERT INTO names (shard, name, holder) SELECT * FROM unnest($1::smallint[], $2::text[], $3::bigint[])
    AS n (shard, name, holder)
ON CONFLICT (shard, name) DO UPDATE SET holder = greatest(names.holder, excluded.holder);

-- drop_objects: Remove objects by their keys.
DELETE FROM objects AS o USING unnest($1::smallint[], $2::bigint[]) AS k (shard, id)
WHERE o.shard = k.shard AND o.id = k.id;

-- drop_associations: Remove associations by their keys.
DELETE FROM associations AS a
USING unnest($1::smallint[], $2::bigint[], $3::integer[], $4::bigint[], $5::bigint[])
    AS k (shard, source, type, place, target)
WHERE a.shard = k.shard AND a.source = k.source AND a.type = k.type AND a.place = k.place AND a.target = k.target;

-- drop_twins: Remove associations of keyed directions, whatever their order.
DELETE FROM associations AS a
USING unnest($1::smallint[], $2::bigint[], $3::integer[], $4::bigint[]) AS k (shard, source, type, target)
WHERE a.keyed AND a.shard = k.shard AND a.source = k.source AND a.type = k.type AND a.target = k.target;

-- drop_counts: Remove counts by their keys.
DELETE FROM counts AS c USING unnest($1::smallint[], $2::bigint[], $3::integer[]) AS k (shard, source, type)
WHERE c.shard = k.shard AND c.source = k.source AND c.type = k.type;

-- drop_names: Remove names by their keys.
DELETE FROM names AS n USING unnest($1::smallint[], $2::text[]) AS k (shard, name)
WHERE n.shard = k.shard AND n.name = k.name;

-- drop_calls: Remove calls by their keys.
DELETE FROM calls AS c USING unnest($1::smallint[], $2::bigint[]) AS k (shard, id)
WHERE c.shard = k.shard AND c.id = k.id;

-- row_objects: Objects by their keys, with tombstones.
SELECT o.id, o.type, o.version, o.data, o.deleted_ms
FROM objects AS o JOIN unnest($1::smallint[], $2::bigint[]) AS k (shard, id) ON o.shard = k.shard AND o.id = k.id;

-- row_associations: Halves of associations by their keys.
SELECT a.source, a.type, a.place, a.target, a.flags, a.data
FROM associations AS a
JOIN unnest($1::smallint[], $2::bigint[], $3::integer[], $4::bigint[], $5::bigint[])
    AS k (shard, source, type, place, target)
    ON a.shard = k.shard AND a.source = k.source AND a.type = k.type AND a.place = k.place AND a.target = k.target;

-- row_counts: Counts by their keys.
SELECT c.source, c.type, c.length, c.newest
FROM counts AS c JOIN unnest($1::smallint[], $2::bigint[], $3::integer[]) AS k (shard, source, type)
    ON c.shard = k.shard AND c.source = k.source AND c.type = k.type;

-- row_names: Names by their keys.
SELECT n.name, n.holder, n.expires
FROM names AS n JOIN unnest($1::smallint[], $2::text[]) AS k (shard, name) ON n.shard = k.shard AND n.name = k.name;

-- row_calls: Calls by their keys; the instant is the end of a lease, or that of a death.
SELECT c.id, c.state, coalesce(c.lease_until, c.dead_ms), c.function, c.arguments, c.checkpoint, c.due, c.deadline,
    c.criticality, c.key, c.attempt, c.token, c.error, c.namespace, c.parent
FROM calls AS c JOIN unnest($1::smallint[], $2::bigint[]) AS k (shard, id) ON c.shard = k.shard AND c.id = k.id;

-- rows_objects: All objects, with tombstones.
-- SCATTER: compares the whole store.
SELECT id, type, version, data, deleted_ms FROM objects;

-- rows_associations: Both halves of all associations.
-- SCATTER: compares the whole store.
SELECT source, type, place, target, flags, data FROM associations;

-- rows_counts: All counts.
-- SCATTER: compares the whole store.
SELECT source, type, length, newest FROM counts;

-- rows_names: All names.
-- SCATTER: compares the whole store.
SELECT name, holder, expires FROM names;

-- rows_calls: All calls.
-- SCATTER: compares the whole store.
SELECT id, state, coalesce(lease_until, dead_ms), function, arguments, checkpoint, due, deadline, criticality, key,
    attempt, token, error, namespace, parent
FROM calls;
