-- read: All rows that a group names, as JSON in one row: objects, their data, names, associations, calls, same calls.
SELECT
    (SELECT json_group_array(json_array(o.id, o.type, o.version, o.deleted))
        FROM carray(?1) CROSS JOIN objects o ON o.id = value),
    (SELECT json_group_array(json_array(o.id, o.data))
        FROM carray(?2) CROSS JOIN objects o ON o.id = value AND o.deleted IS NULL),
    (SELECT json_group_array(json_array(name, holder, expires)) FROM names WHERE name IN carray(?3)),
    (SELECT json_group_array(json_array(k.source, k.type, k.target, k.ord))
        FROM jsonb_each(?4) w CROSS JOIN edge_keys k
        ON k.source = w.value ->> 0 AND k.type = w.value ->> 1 AND k.target = w.value ->> 2),
    (SELECT json_group_array(json_array(c.id, c.state, c.token, c.function, c.criticality, c.deadline, c.key,
            c.namespace))
        FROM carray(?5) CROSS JOIN calls c ON c.id = value),
    (SELECT json_group_array(json_array(c.function, c.key, c.id))
        FROM jsonb_each(?6) w CROSS JOIN calls c INDEXED BY calls_key
        ON c.function = w.value ->> 0 AND c.key = w.value ->> 1 AND c.state < 2);

-- objects_put: Put objects and tombstones.
INSERT INTO objects (id, type, version, data, deleted)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM jsonb_each(?) WHERE true
ON CONFLICT DO UPDATE SET version = excluded.version, data = excluded.data, deleted = excluded.deleted;

-- names_put: Give names to their holders.
INSERT INTO names (name, holder, expires)
SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?) WHERE true
ON CONFLICT DO UPDATE SET holder = excluded.holder, expires = excluded.expires;

-- names_delete: Free names.
DELETE FROM names WHERE name IN carray(?);

-- keys_put: Put the orders of associations of keyed directions.
INSERT INTO edge_keys (source, type, target, ord)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM jsonb_each(?) WHERE true
ON CONFLICT DO UPDATE SET ord = excluded.ord;

-- keys_delete: Remove the keys of associations.
DELETE FROM edge_keys WHERE (source, type, target) IN
    (SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?));

-- edges_put: Put rows of lists.
INSERT INTO edges (source, type, ord, target, flags, data)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM jsonb_each(?) WHERE true
ON CONFLICT DO UPDATE SET flags = excluded.flags, data = excluded.data;

-- edges_delete: Remove rows of lists.
DELETE FROM edges WHERE (source, type, ord, target) IN
    (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM jsonb_each(?));

-- counts_grow: Move the counts of lists that only grew.
INSERT INTO counts (source, type, length, newest)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM jsonb_each(?) WHERE true
ON CONFLICT DO UPDATE SET length = length + excluded.length, newest = max(newest, excluded.newest);

-- counts_shrink: Move the counts of lists that lost or moved rows, and find their newest orders anew.
INSERT INTO counts (source, type, length, newest)
SELECT value ->> 0, value ->> 1, value ->> 2,
    coalesce((SELECT max(ord) FROM edges WHERE source = w.value ->> 0 AND type = w.value ->> 1), -1)
FROM jsonb_each(?) w WHERE true
ON CONFLICT DO UPDATE SET length = length + excluded.length, newest = excluded.newest;

-- counts_drop: Remove the counts of those of these lists that became empty.
DELETE FROM counts WHERE length = 0 AND (source, type) IN
    (SELECT value ->> 0, value ->> 1 FROM jsonb_each(?));

-- calls_put: Enqueue calls.
INSERT INTO calls
    (id, state, lane, rank, function, arguments, due, deadline, criticality, key, namespace, parent, attempt, token,
    checkpoint, error)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
    value ->> 8, value ->> 9, value ->> 10, value ->> 11, 1, 0, NULL, NULL
FROM jsonb_each(?);

-- calls_put_ready: Enqueue calls without keys that are due at once.
INSERT INTO calls
    (id, state, lane, rank, function, arguments, due, deadline, criticality, key, namespace, parent, attempt, token,
    checkpoint, error)
SELECT value ->> 0, 1, value ->> 1, value ->> 2, value ->> 3, value ->> 4, 0, value ->> 2, value ->> 5, NULL, value ->> 6,
    value ->> 7, 1, 0, NULL, NULL
FROM jsonb_each(?);

-- calls_leased: Which of these calls are leased, under which tokens.
SELECT c.id, c.token, c.function FROM carray(?) CROSS JOIN calls c ON c.id = value WHERE c.state = 2;

-- calls_done: Remove calls.
DELETE FROM calls WHERE id IN carray(?);

-- calls_again: Hand calls back, to start at once or later.
UPDATE calls SET state = w.value ->> 1, lane = w.value ->> 2, rank = w.value ->> 3, due = w.value ->> 4,
    attempt = w.value ->> 5, checkpoint = w.value ->> 6, error = w.value ->> 7
FROM jsonb_each(?) w WHERE calls.id = w.value ->> 0;

-- calls_dead: Keep calls that shall not run again.
UPDATE calls SET state = 3, lane = 0, rank = w.value ->> 1, error = w.value ->> 2
FROM jsonb_each(?) w WHERE calls.id = w.value ->> 0;

-- call_counts: Move the counts of functions.
INSERT INTO call_counts (function, waiting, ready, leased, dead)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM jsonb_each(?) WHERE true
ON CONFLICT DO UPDATE SET waiting = waiting + excluded.waiting, ready = ready + excluded.ready,
    leased = leased + excluded.leased, dead = dead + excluded.dead;

-- change_log: Say what the group changed.
INSERT INTO changes (ids, lists) VALUES (?, ?) RETURNING seq;

-- change_trim: Forget changes up to a sequence number.
DELETE FROM changes WHERE seq <= ?;
