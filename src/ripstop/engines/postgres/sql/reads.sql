-- object_get: Objects by their ids, deleted ones left out.
SELECT o.id, o.type, o.version, o.data
FROM unnest($1::smallint[], $2::bigint[]) AS k (shard, id), LATERAL (
    SELECT * FROM objects AS o WHERE o.shard = k.shard AND o.id = k.id AND o.data IS NOT NULL OFFSET 0
) AS o;

-- assoc_get: Associations of keyed types from one source to any of some targets.
SELECT a.source, a.type, a.target, a.place, a.flags, a.data
FROM unnest($3::integer[]) AS t (type), unnest($4::bigint[]) AS k (target), LATERAL (
    SELECT * FROM associations AS a
    WHERE a.shard = $1 AND a.source = $2 AND a.type = t.type AND a.target = k.target AND a.keyed OFFSET 0
) AS a;

-- assoc_range_newest: A page of one list between two inclusive places, the highest place first.
SELECT source, type, target, place, flags, data FROM associations
WHERE shard = $1 AND source = $2 AND type = $3 AND (place, target) >= ($4, $5) AND (place, target) <= ($6, $7)
    AND flags & $8 = $9
ORDER BY place DESC, target DESC LIMIT $10;

-- assoc_range_oldest: A page of one list between two inclusive places, the lowest place first.
SELECT source, type, target, place, flags, data FROM associations
WHERE shard = $1 AND source = $2 AND type = $3 AND (place, target) >= ($4, $5) AND (place, target) <= ($6, $7)
    AND flags & $8 = $9
ORDER BY place, target LIMIT $10;

-- assoc_counts: Length and newest order of lists; where the count is striped, the end of the list tells the latter.
SELECT c.source, c.type, sum(c.length)::bigint AS length,
    CASE WHEN count(*) = count(c.newest) THEN max(c.newest) ELSE (
        SELECT a.place FROM associations AS a
        WHERE a.shard = c.shard AND a.source = c.source AND a.type = c.type
        ORDER BY a.place DESC LIMIT 1
    ) END AS newest
FROM unnest($1::smallint[], $2::bigint[]) AS k (shard, source), LATERAL (
    SELECT * FROM counts AS c WHERE c.shard = k.shard AND c.source = k.source AND c.type = ANY ($3::integer[]) OFFSET 0
) AS c
GROUP BY c.shard, c.source, c.type
HAVING sum(c.length) > 0;

-- assoc_merge: The newest entries over many lists.
SELECT sources, targets, places, flag_sets, texts, complete
FROM ripstop_merge_lists($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name_get: Holders of names, expired ones left out.
SELECT n.name, n.holder, n.expires
FROM unnest($1::smallint[], $2::text[]) AS k (shard, name), LATERAL (
    SELECT * FROM names AS n WHERE n.shard = k.shard AND n.name = k.name OFFSET 0
) AS n
WHERE n.expires IS NULL OR n.expires > (SELECT ripstop_now());

-- name_range: Names in byte order from one bound (exclusive if $2) up to another one.
-- SCATTER: a range of names lies over all shards; its index begins with the name.
SELECT name, holder, expires FROM names
WHERE name >= $1 AND (NOT $2 OR name > $1) AND name < $3
    AND (expires IS NULL OR expires > (SELECT ripstop_now()))
ORDER BY name LIMIT $4;

-- call_stats: The backlog of all functions, or of some.
-- SCATTER: the rows of call_counts are stripes, to be summed; the lowest id is that of all shards.
SELECT c.function, sum(c.waiting)::bigint AS waiting, sum(c.ready)::bigint AS ready, sum(c.leased)::bigint AS leased,
    sum(c.dead)::bigint AS dead,
    (SELECT k.id FROM calls AS k WHERE k.function = c.function AND k.state <= 2 ORDER BY k.id LIMIT 1) AS oldest
FROM call_counts AS c
WHERE $1::text[] IS NULL OR c.function = ANY ($1)
GROUP BY c.function
HAVING sum(c.waiting) + sum(c.ready) + sum(c.leased) + sum(c.dead) > 0;

-- call_stats_parts: The parts of a call, and theirs, by function.
-- SCATTER: a part may lie in another shard than the whole; the index begins with the whole.
WITH RECURSIVE parts AS (
    SELECT id, function, state FROM calls WHERE parent = $2
    UNION ALL
    SELECT c.id, c.function, c.state FROM parts AS p, LATERAL (
        SELECT id, function, state FROM calls WHERE parent = p.id OFFSET 0
    ) AS c
)
SELECT function, count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1),
    count(*) FILTER (WHERE state = 2), count(*) FILTER (WHERE state = 3), min(id) FILTER (WHERE state < 3)
FROM parts
WHERE $1::text[] IS NULL OR function = ANY ($1)
GROUP BY function;

-- call_get: All that is stored of some calls.
SELECT c.id, c.state, c.token, c.function, c.arguments, c.checkpoint, c.attempt, c.due, c.deadline, c.criticality,
    c.key, c.error, c.namespace, c.parent, CASE WHEN c.state = 3 THEN c.dead_ms END
FROM unnest($1::smallint[], $2::bigint[]) AS k (shard, id), LATERAL (
    SELECT * FROM calls AS c WHERE c.shard = k.shard AND c.id = k.id OFFSET 0
) AS c;

-- dead_calls: Dead calls by the instants of their deaths, after one of them and an id.
-- SCATTER: those of all shards in one order, which is that of their index.
SELECT id, state, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, error, namespace,
    parent, dead_ms
FROM calls
WHERE state = 3 AND dead_ms >= $1 AND (dead_ms, id) > ($1, $2)
ORDER BY dead_ms, id LIMIT $3;

-- now_ms: The engine's clock.
-- SCATTER: reads no table.
SELECT ripstop_now();
