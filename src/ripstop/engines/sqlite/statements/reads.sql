-- object_get_1: One object by its id.
SELECT id, type, version, data FROM objects WHERE id = ? AND deleted IS NULL;

-- object_get: Objects by their ids.
SELECT id, type, objects.version, data FROM carray(?) CROSS JOIN objects ON id = value WHERE deleted IS NULL;

-- assoc_get_1: Associations of one keyed type from one source to these targets.
SELECT k.source, k.type, k.target, k.ord, e.flags, e.data
FROM carray(?3) t CROSS JOIN edge_keys k ON k.source = ?1 AND k.type = ?2 AND k.target = t.value
CROSS JOIN edges e ON e.source = k.source AND e.type = k.type AND e.ord = k.ord AND e.target = k.target;

-- assoc_get: Associations of these keyed types from one source to these targets.
SELECT k.source, k.type, k.target, k.ord, e.flags, e.data FROM edge_keys k
CROSS JOIN edges e ON e.source = k.source AND e.type = k.type AND e.ord = k.ord AND e.target = k.target
WHERE k.source = ?1 AND k.type IN carray(?2) AND k.target IN carray(?3);

-- assoc_newest: A page of a list between two cursors, newest first.
SELECT source, type, target, ord, flags, data FROM edges
WHERE source = ? AND type = ? AND (ord, target) > (?, ?) AND (ord, target) <= (?, ?) AND flags & ? = ?
ORDER BY ord DESC, target DESC LIMIT ?;

-- assoc_oldest: A page of a list between two cursors, oldest first.
SELECT source, type, target, ord, flags, data FROM edges
WHERE source = ? AND type = ? AND (ord, target) > (?, ?) AND (ord, target) <= (?, ?) AND flags & ? = ?
ORDER BY ord, target LIMIT ?;

-- assoc_counts: The counts of these lists.
SELECT source, type, length, newest FROM counts WHERE source IN carray(?) AND type IN carray(?);

-- merge_newest: The newest order of many lists of one type, highest first.
SELECT newest, source FROM carray(?) CROSS JOIN counts ON source = value AND type = ? AND newest >= ? ORDER BY newest DESC;

-- merge_rows: The newest rows over a few lists between two cursors, at most so many of each.
SELECT e.source, e.type, e.target, e.ord, e.flags, e.data
FROM carray(?1) c CROSS JOIN edges e ON e.source = c.value AND e.type = ?2 AND (e.ord, e.target) IN (
    SELECT i.ord, i.target FROM edges i
    WHERE i.source = c.value AND i.type = ?2 AND (i.ord, i.target) > (?3, ?4) AND (i.ord, i.target) <= (?5, ?6)
    AND i.flags & ?7 = ?8
    ORDER BY i.ord DESC, i.target DESC LIMIT ?9
)
ORDER BY e.ord DESC, e.target DESC LIMIT ?9;

-- name_get: Who holds these names at an instant.
SELECT name, holder, expires FROM names WHERE name IN carray(?) AND (expires IS NULL OR expires > ?);

-- name_range: Names from a low bound on, beyond an exclusive one and below a high one, held at an instant.
SELECT name, holder, expires FROM names
WHERE name >= ?1 AND name > ?2 AND name < ?3 AND (expires IS NULL OR expires > ?4) ORDER BY name LIMIT ?5;

-- changes: The row of a sequence number, without its content, and all that came after it.
SELECT seq, iif(seq = ?1, NULL, ids), iif(seq = ?1, NULL, lists) FROM changes WHERE seq >= ?1 ORDER BY seq;

-- changes_last: The present sequence number.
SELECT coalesce(max(seq), 0) FROM changes;
