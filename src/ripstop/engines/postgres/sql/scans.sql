-- scan_objects: Objects of a range of shards in key order; the first columns are the cursor.
SELECT shard, id, id, type, version, data FROM objects
WHERE shard BETWEEN $1 AND $2 AND (shard, id) > ($3, $4) AND data IS NOT NULL
ORDER BY shard, id LIMIT $5;

-- scan_associations: Associations, both halves, of a range of shards in key order.
SELECT shard, source, type, place, target, source, type, target, place, flags, data FROM associations
WHERE shard BETWEEN $1 AND $2 AND (shard, source, type, place, target) > ($3, $4, $5, $6, $7)
ORDER BY shard, source, type, place, target LIMIT $8;

-- scan_counts: Counts of a range of shards in key order, stripes summed, empty lists left out.
SELECT c.shard, c.source, c.type, c.source, c.type, sum(c.length)::bigint,
    CASE WHEN count(*) = count(c.newest) THEN max(c.newest) ELSE (
        SELECT a.place FROM associations AS a
        WHERE a.shard = c.shard AND a.source = c.source AND a.type = c.type
        ORDER BY a.place DESC LIMIT 1
    ) END
FROM counts AS c
WHERE c.shard BETWEEN $1 AND $2 AND (c.shard, c.source, c.type) > ($3, $4, $5)
GROUP BY c.shard, c.source, c.type
HAVING sum(c.length) > 0
ORDER BY c.shard, c.source, c.type LIMIT $6;

-- scan_names: Names of a range of shards in key order.
SELECT shard, name, name, holder, expires FROM names
WHERE shard BETWEEN $1 AND $2 AND (shard, name) > ($3, $4)
ORDER BY shard, name LIMIT $5;

-- scan_calls: Calls of a range of shards in key order.
SELECT shard, id, id, state, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, error,
    namespace, parent
FROM calls
WHERE shard BETWEEN $1 AND $2 AND (shard, id) > ($3, $4)
ORDER BY shard, id LIMIT $5;
