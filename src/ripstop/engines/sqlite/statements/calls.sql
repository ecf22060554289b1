-- call_same: Whether a call of this function and key is waiting or ready in a shard.
SELECT 1 FROM calls WHERE function = ? AND key = ? AND state < 2 AND (id >> 12) & 1023 = ? LIMIT 1;

-- call_put: Enqueue a call.
INSERT INTO calls (id, state, lane, rank, function, arguments, due, deadline, criticality, key, attempt, token)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0);

-- call_done: Remove a call that has had its effect, or a dead one.
DELETE FROM calls WHERE id = ? AND token = ? AND state IN (2, 3) RETURNING function, state;

-- call_ready: Hand a call back that may start at once, from a state.
UPDATE calls SET state = 1, lane = criticality, rank = deadline, due = ?, attempt = ?, checkpoint = ?, error = ?
WHERE id = ? AND token = ? AND state = ? RETURNING function;

-- call_wait: Hand a call back that shall start later, from a state.
UPDATE calls SET state = 0, lane = 0, rank = ?1, due = ?1, attempt = ?2, checkpoint = ?3, error = ?4
WHERE id = ?5 AND token = ?6 AND state = ?7 RETURNING function;

-- call_dead: Keep a call that shall not run again.
UPDATE calls SET state = 3, lane = 0, rank = ?, error = ? WHERE id = ? AND token = ? AND state = 2 RETURNING function;

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

-- call_count: Move the counts of one function.
INSERT INTO call_counts (function, waiting, ready, leased, dead) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET waiting = waiting + excluded.waiting, ready = ready + excluded.ready,
    leased = leased + excluded.leased, dead = dead + excluded.dead;

-- call_stats: The backlog of every function.
SELECT function, waiting, ready, leased, dead,
    (SELECT min(id) FROM calls INDEXED BY calls_unfinished WHERE calls.function = call_counts.function AND state < 3)
FROM call_counts WHERE waiting + ready + leased + dead > 0;

-- call_stats_of: The backlog of these functions.
SELECT function, waiting, ready, leased, dead,
    (SELECT min(id) FROM calls INDEXED BY calls_unfinished WHERE calls.function = call_counts.function AND state < 3)
FROM call_counts WHERE function IN carray(?) AND waiting + ready + leased + dead > 0;
