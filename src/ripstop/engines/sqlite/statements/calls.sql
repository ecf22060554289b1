-- call_renew: Put off the end of a lease.
UPDATE calls SET rank = ? WHERE id = ? AND token = ? AND state = 2;

-- call_wake: Make waiting calls ready whose time has come.
UPDATE calls SET state = 1, lane = call_lane(criticality, function, namespace), rank = deadline
WHERE id IN (SELECT id FROM calls WHERE state = 0 AND lane = 0 AND rank <= ? ORDER BY rank LIMIT ?)
RETURNING function;

-- call_expire: Make calls ready again whose lease has ended.
UPDATE calls SET state = 1, lane = call_lane(criticality, function, namespace), rank = deadline
WHERE id IN (SELECT id FROM calls WHERE state = 2 AND lane = 0 AND rank <= ? ORDER BY rank LIMIT ?)
RETURNING function;

-- line_head: The first call of the first line from a lane on.
SELECT lane, rank, id FROM calls WHERE state = 1 AND lane >= ? AND lane <= ? ORDER BY lane, rank, id LIMIT 1;

-- line_calls: The next calls of a line in a range of shards, after a deadline and id.
SELECT rank, id FROM calls
WHERE state = 1 AND lane = ? AND (rank, id) > (?, ?) AND (id >> 12) & 1023 >= ? AND (id >> 12) & 1023 < ?
ORDER BY rank, id LIMIT ?;

-- lease_take: Lease these calls until an instant.
UPDATE calls SET state = 2, lane = 0, rank = ?, token = token + 1 WHERE id IN carray(?)
RETURNING id, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, rank, namespace, parent;

-- lease_moves: Whether a request for leases would find calls whose time has come, or whose lease has ended.
SELECT EXISTS (SELECT 1 FROM calls WHERE state = 0 AND lane = 0 AND rank <= ?1)
    OR EXISTS (SELECT 1 FROM calls WHERE state = 2 AND lane = 0 AND rank <= ?1);

-- call_stats: The backlog of every function.
SELECT function, waiting, ready, leased, dead,
    (SELECT min(id) FROM calls INDEXED BY calls_unfinished WHERE calls.function = call_counts.function AND state < 3)
FROM call_counts WHERE waiting + ready + leased + dead > 0;

-- call_stats_of: The backlog of these functions.
SELECT function, waiting, ready, leased, dead,
    (SELECT min(id) FROM calls INDEXED BY calls_unfinished WHERE calls.function = call_counts.function AND state < 3)
FROM call_counts WHERE function IN carray(?) AND waiting + ready + leased + dead > 0;

-- call_stats_parts: The parts of a call, and theirs, by function.
WITH RECURSIVE parts (id) AS (
    SELECT id FROM calls INDEXED BY calls_parts WHERE parent = ?
    UNION ALL
    SELECT c.id FROM parts AS p CROSS JOIN calls AS c INDEXED BY calls_parts ON c.parent = p.id
)
SELECT function, sum(state = 0), sum(state = 1), sum(state = 2), sum(state = 3), min(iif(state < 3, c.id, NULL))
FROM parts AS p CROSS JOIN calls AS c ON c.id = p.id GROUP BY function;

-- call_get: All that is stored of these calls.
SELECT id, state, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, error, namespace,
    parent, iif(state = 3, rank, NULL)
FROM calls WHERE id IN carray(?);

-- dead_calls: Dead calls by the instants of their deaths, after one of them and an id.
SELECT id, state, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, error, namespace,
    parent, rank
FROM calls WHERE state = 3 AND lane = 0 AND (rank, id) > (?, ?) ORDER BY rank, id LIMIT ?;
