-- shards: Rows that lie in another shard than their id says.
-- SCATTER: a check of the whole store.
SELECT 'The object lies in a wrong shard.', shard, id FROM objects WHERE shard <> (id >> 12) & 1023
UNION ALL
SELECT 'The association lies in a wrong shard.', shard, source FROM associations WHERE shard <> (source >> 12) & 1023
UNION ALL
SELECT 'The count lies in a wrong shard.', shard, source FROM counts WHERE shard <> (source >> 12) & 1023
UNION ALL
SELECT 'The call lies in a wrong shard.', shard, id FROM calls WHERE shard <> (id >> 12) & 1023;

-- objects: Objects without a version, or half deleted.
-- SCATTER: a check of the whole store.
SELECT 'The object has no version, or is deleted by half.', id, type, version FROM objects
WHERE version < 1 OR (data IS NULL) <> (deleted_ms IS NOT NULL);

-- types: Associations of types that the schema does not know; $1: all numbers.
-- SCATTER: a check of the whole store.
SELECT 'The schema knows no such type of association.', type, count(*) FROM associations
WHERE type <> ALL ($1::integer[]) GROUP BY type;

-- counts: Counts of counted types that differ from the rows of their list; $1: exact types, $2: striped ones.
-- SCATTER: a check of the whole store.
SELECT 'The count differs from the rows of its list.', source, type, c.length, c.newest, a.length, a.newest
FROM (
    SELECT source, type, sum(length)::bigint AS length, max(newest) AS newest FROM counts
    WHERE type = ANY ($1::integer[] || $2::integer[]) GROUP BY source, type HAVING sum(length) <> 0
) AS c
FULL JOIN (
    SELECT source, type, count(*) AS length, max(place) AS newest FROM associations
    WHERE type = ANY ($1::integer[] || $2::integer[]) GROUP BY source, type
) AS a USING (source, type)
WHERE c.length IS DISTINCT FROM a.length OR type = ANY ($1::integer[]) AND c.newest IS DISTINCT FROM a.newest;

-- halves: Rows of type $1 without an equal other half of type $2; $3: whether the rows are to be keyed.
-- SCATTER: a check of the whole store.
SELECT 'The association and its other half differ, or one is missing.', a.source, a.type, a.target, a.place
FROM associations AS a
LEFT JOIN associations AS b ON b.source = a.target AND b.target = a.source AND b.type = $2 AND b.place = a.place
WHERE a.type = $1 AND (
    b.source IS NULL OR b.flags <> a.flags OR b.data IS DISTINCT FROM a.data OR a.keyed <> $3
);

-- calls: Calls in no known state, or without what their state asks for.
-- SCATTER: a check of the whole store.
SELECT 'The call is not as its state asks.', id, state, token, lease_until, dead_ms FROM calls
WHERE state NOT BETWEEN 0 AND 3 OR (state = 2) <> (lease_until IS NOT NULL) OR (state = 3) <> (dead_ms IS NOT NULL)
    OR state >= 2 AND token < 1;

-- call_counts: Functions whose backlog differs from their calls.
-- SCATTER: a check of the whole store.
SELECT 'The backlog of the function differs from its calls.', function, sum(waiting)::bigint, sum(ready)::bigint,
    sum(leased)::bigint, sum(dead)::bigint
FROM (
    SELECT function, waiting, ready, leased, dead FROM call_counts
    UNION ALL
    SELECT function, -(state = 0)::int, -(state = 1)::int, -(state = 2)::int, -(state = 3)::int FROM calls
) AS both_sides
GROUP BY function
HAVING sum(waiting) <> 0 OR sum(ready) <> 0 OR sum(leased) <> 0 OR sum(dead) <> 0;

-- names: All names, of which the hash is checked.
-- SCATTER: a check of the whole store.
SELECT shard, name FROM names;
