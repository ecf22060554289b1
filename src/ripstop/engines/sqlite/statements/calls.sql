-- call_renew: Put off the end of a lease.
UPDATE calls SET rank = ? WHERE id = ? AND token = ? AND state = 2;

-- call_wake: Make waiting calls ready whose time has come.
UPDATE calls SET state = 1, lane = criticality, rank = deadline
WHERE id IN (SELECT id FROM calls WHERE state = 0 AND lane = 0 AND rank <= ? ORDER BY rank LIMIT ?)
RETURNING function;

-- lease_ready: The first ready calls of one class in a range of shards.
SELECT criticality, deadline, id, function, 1 FROM calls
WHERE state = 1 AND lane = ? AND (id >> 12) & 1023 >= ? AND (id >> 12) & 1023 < ? ORDER BY rank, id LIMIT ?;

-- lease_expired: Calls of these classes in a range of shards whose lease has ended, longest ago first.
SELECT criticality, deadline, id, function, 2 FROM calls
WHERE state = 2 AND lane = 0 AND rank <= ? AND criticality IN carray(?)
AND (id >> 12) & 1023 >= ? AND (id >> 12) & 1023 < ? ORDER BY rank LIMIT ?;

-- lease_take: Lease these calls until an instant.
UPDATE calls SET state = 2, lane = 0, rank = ?, token = token + 1 WHERE id IN carray(?)
RETURNING id, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, rank;

-- lease_any: Whether a request for leases would find anything to do.
SELECT EXISTS (SELECT 1 FROM calls WHERE state = 1 AND lane IN carray(?2)
               AND (id >> 12) & 1023 >= ?3 AND (id >> 12) & 1023 < ?4)
    OR EXISTS (SELECT 1 FROM calls WHERE state = 0 AND lane = 0 AND rank <= ?1)
    OR EXISTS (SELECT 1 FROM calls WHERE state = 2 AND lane = 0 AND rank <= ?1 AND criticality IN carray(?2)
               AND (id >> 12) & 1023 >= ?3 AND (id >> 12) & 1023 < ?4);

-- call_stats: The backlog of every function.
SELECT function, waiting, ready, leased, dead,
    (SELECT min(id) FROM calls INDEXED BY calls_unfinished WHERE calls.function = call_counts.function AND state < 3)
FROM call_counts WHERE waiting + ready + leased + dead > 0;

-- call_stats_of: The backlog of these functions.
SELECT function, waiting, ready, leased, dead,
    (SELECT min(id) FROM calls INDEXED BY calls_unfinished WHERE calls.function = call_counts.function AND state < 3)
FROM call_counts WHERE function IN carray(?) AND waiting + ready + leased + dead > 0;
