-- objects: Objects that lie in a wrong shard, have no version, or are deleted by half.
-- SCATTER: a check of the whole store.
SELECT
    CASE WHEN shard <> (id >> 12) & 1023 THEN 'The object lies in a wrong shard.'
    ELSE 'The object has no version, or is deleted by half.' END,
    id, type, version
FROM objects
WHERE shard <> (id >> 12) & 1023 OR version < 1 OR (data IS NULL) <> (deleted_ms IS NOT NULL);

-- sums: Of all associations: those in wrong shards, of unknown types, and keyed as their type is not, and two sums, by
-- the sum of the shards of their ends, which is that of their other halves. The arrays name all types, their inverses
-- (NULL: none), and whether they are keyed and counted.
-- `halves`: two halves that are equal have the same hash, which cancels itself out, and no row is there twice. What is
-- its own other half is left out. `rows`: the sum of the hashes of the counted lists of all rows.
-- The hash of a number uses 32 bits of it, so each half of an id is a number of its own.
-- SCATTER: a check of the whole store.
SELECT
    ((a.source >> 12) + (a.target >> 12)) & 1023 AS ends,
    count(*) FILTER (WHERE a.shard <> (a.source >> 12) & 1023) AS misplaced,
    count(*) FILTER (WHERE t.type IS NULL) AS unknown,
    count(*) FILTER (WHERE t.inverse IS NOT NULL AND a.keyed <> t.keyed) AS unkeyed,
    coalesce(bit_xor(hashtextextended(
        CASE WHEN (a.type, a.source) < (t.inverse, a.target)
        THEN concat_ws(',', a.type, a.source, a.target, a.place, a.flags, a.data)
        ELSE concat_ws(',', t.inverse, a.target, a.source, a.place, a.flags, a.data) END,
        0
    )) FILTER (WHERE t.inverse IS NOT NULL AND (a.type, a.source) <> (t.inverse, a.target)), 0) AS halves,
    coalesce(sum(hashint8extended(a.source & 4294967295, hashint8extended(a.source >> 32, a.type)))
        FILTER (WHERE t.counted), 0) AS rows
FROM associations AS a
LEFT JOIN unnest($1::integer[], $2::integer[], $3::boolean[], $4::boolean[]) AS t (type, inverse, keyed, counted)
    ON t.type = a.type
GROUP BY ends;

-- misplaced: Associations that lie in another shard than their source.
-- SCATTER: a check of the whole store.
SELECT 'The association lies in a wrong shard.', shard, source FROM associations WHERE shard <> (source >> 12) & 1023;

-- types: Associations of types that the schema does not know; $1: all numbers.
-- SCATTER: a check of the whole store.
SELECT 'The schema knows no such type of association.', type, count(*) FROM associations
WHERE type <> ALL ($1::integer[]) GROUP BY type;

-- halves: Rows without an equal other half, or keyed as their type is not; $1, $2, $3: types, their inverses, and
-- whether they are keyed; $4: only rows of whose ends the shards have these sums.
-- SCATTER: a check of the whole store.
SELECT 'The association and its other half differ, or one is missing.', a.source, a.type, a.target, a.place
FROM associations AS a
JOIN unnest($1::integer[], $2::integer[], $3::boolean[]) AS t (type, inverse, keyed) ON t.type = a.type
LEFT JOIN (
    SELECT * FROM associations WHERE ((source >> 12) + (target >> 12)) & 1023 = ANY ($4::bigint[])
) AS b ON b.source = a.target AND b.target = a.source AND b.type = t.inverse AND b.place = a.place
WHERE ((a.source >> 12) + (a.target >> 12)) & 1023 = ANY ($4::bigint[]) AND (
    b.source IS NULL OR b.flags <> a.flags OR b.data IS DISTINCT FROM a.data OR a.keyed <> t.keyed
);

-- counts_sum: Of all counts: those in wrong shards, and the sum over counted lists as they are counted, which is `rows`
-- above; $1: exact types, $2: striped ones.
-- SCATTER: a check of the whole store.
SELECT
    count(*) FILTER (WHERE shard <> (source >> 12) & 1023) AS misplaced,
    coalesce(sum(length * hashint8extended(source & 4294967295, hashint8extended(source >> 32, type))::numeric)
        FILTER (WHERE type = ANY ($1::integer[] || $2::integer[])), 0) AS rows
FROM counts;

-- counts_newest: Whether some exact count names another newest order than its list has.
-- SCATTER: a check of the whole store.
SELECT EXISTS (
    SELECT FROM counts AS c LEFT JOIN LATERAL (
        SELECT a.place FROM associations AS a
        WHERE a.shard = c.shard AND a.source = c.source AND a.type = c.type
        ORDER BY a.place DESC LIMIT 1
    ) AS a ON true
    WHERE c.type = ANY ($1::integer[]) AND c.length <> 0 AND c.newest IS DISTINCT FROM a.place
);

-- counts_misplaced: Counts that lie in another shard than their source.
-- SCATTER: a check of the whole store.
SELECT 'The count lies in a wrong shard.', shard, source FROM counts WHERE shard <> (source >> 12) & 1023;

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

-- calls: Calls in a wrong shard, in no known state, or without what their state asks for.
-- SCATTER: a check of the whole store.
SELECT
    CASE WHEN shard <> (id >> 12) & 1023 THEN 'The call lies in a wrong shard.'
    ELSE 'The call is not as its state asks.' END,
    id, state, token, lease_until, dead_ms
FROM calls
WHERE shard <> (id >> 12) & 1023 OR state NOT BETWEEN 0 AND 3 OR (state = 2) <> (lease_until IS NOT NULL) OR (state = 3) <> (dead_ms IS NOT NULL)
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
