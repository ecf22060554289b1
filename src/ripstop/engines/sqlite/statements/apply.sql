-- check_object: The version of an object.
SELECT version FROM objects WHERE id = ? AND deleted IS NULL;

-- check_name: Who holds a name at an instant.
SELECT holder FROM names WHERE name = ? AND (expires IS NULL OR expires > ?);

-- check_association: The order of an association of a keyed direction.
SELECT ord FROM edge_keys WHERE source = ? AND type = ? AND target = ?;

-- check_lease: Whether a call is leased under a token.
SELECT 1 FROM calls WHERE id = ? AND token = ? AND state = 2;

-- object_put: Create an object, unless the id is or was there.
INSERT INTO objects (id, type, version, data) VALUES (?, ?, 1, ?) ON CONFLICT DO NOTHING;

-- object_read: Version and data of an object that is to be patched.
SELECT version, data FROM objects WHERE id = ? AND deleted IS NULL;

-- object_patch: Replace the data of an object by the merged ones.
UPDATE objects SET version = version + 1, data = ? WHERE id = ?;

-- object_delete: Turn an object into a tombstone.
UPDATE objects SET data = '', deleted = ? WHERE id = ? AND deleted IS NULL;

-- key_put: Add the key of an association, unless it is there.
INSERT INTO edge_keys (source, type, target, ord) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- key_move: Give an association another order.
UPDATE edge_keys SET ord = ? WHERE source = ? AND type = ? AND target = ?;

-- key_delete: Remove the key of an association and say its order.
DELETE FROM edge_keys WHERE source = ? AND type = ? AND target = ? RETURNING ord;

-- edge_put: Put a row of a list.
INSERT INTO edges (source, type, ord, target, flags, data) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET flags = excluded.flags, data = excluded.data;

-- edge_delete: Remove a row of a list.
DELETE FROM edges WHERE source = ? AND type = ? AND ord = ? AND target = ?;

-- count_grow: Move the count of a list that only grew.
INSERT INTO counts (source, type, length, newest) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET length = length + excluded.length, newest = max(newest, excluded.newest);

-- count_shrink: Move the count of a list that lost or moved rows, and find its newest order anew.
INSERT INTO counts (source, type, length, newest)
SELECT ?1, ?2, ?3, coalesce((SELECT max(ord) FROM edges WHERE source = ?1 AND type = ?2), -1) WHERE true
ON CONFLICT DO UPDATE SET length = length + excluded.length, newest = excluded.newest;

-- count_drop: Remove the count of a list that became empty.
DELETE FROM counts WHERE source = ? AND type = ? AND length = 0;

-- name_claim: Claim a name that is free at an instant.
INSERT INTO names (name, holder, expires) VALUES (?1, ?2, ?3)
ON CONFLICT DO UPDATE SET holder = excluded.holder, expires = excluded.expires WHERE names.expires <= ?4;

-- name_transfer: Give a name from its holder to another one, or another end.
UPDATE names SET holder = ?, expires = ? WHERE name = ? AND holder = ? AND (expires IS NULL OR expires > ?);

-- name_release: Free a name of its holder.
DELETE FROM names WHERE name = ? AND holder = ? AND (expires IS NULL OR expires > ?);

-- change_log: Say what the group changed.
INSERT INTO changes (ids, lists) VALUES (?, ?) RETURNING seq;

-- change_trim: Forget changes up to a sequence number.
DELETE FROM changes WHERE seq <= ?;
