-- keyspace_add: Number a keyspace.
INSERT INTO keyspaces (name) VALUES (?) ON CONFLICT DO NOTHING;

-- keyspace_numbers: The numbers of all keyspaces.
SELECT name, number FROM keyspaces;

-- boot_get: The boot of the machine under which the file was last written.
SELECT id FROM boot;

-- boot_set: Note the boot of the machine, or (empty) a clean close.
UPDATE boot SET id = ?;

-- forget_entries: Remove the entries of all lists.
DELETE FROM entries;

-- forget_lists: Remove all lists.
DELETE FROM lists;

-- cells_get: Values or counters by their keys, at an instant.
SELECT key, value FROM cells WHERE keyspace = ? AND key IN carray(?) AND (ends IS NULL OR ends > ?);

-- value_put: Set a value.
INSERT INTO cells (keyspace, key, value, ends) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET value = excluded.value, ends = excluded.ends;

-- value_drop: Remove a value.
DELETE FROM cells WHERE keyspace = ? AND key = ?;

-- counter_add: Add to a counter, which begins anew if it has ended.
INSERT INTO cells (keyspace, key, value, ends) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET value = excluded.value + iif(ends <= ?5, 0, value), ends = excluded.ends
RETURNING value;

-- list_head: A list that lives at an instant.
SELECT list, floor FROM lists WHERE keyspace = ? AND key = ? AND (ends IS NULL OR ends > ?);

-- entries_newest: A page of a list that lives at an instant with its floor, newest first.
SELECT (SELECT floor FROM lists WHERE keyspace = ?1 AND key = ?2), ord, member FROM entries
WHERE list = (SELECT list FROM lists WHERE keyspace = ?1 AND key = ?2 AND (ends IS NULL OR ends > ?3))
AND (ord, member) > (?4, ?5) AND (ord, member) <= (?6, ?7) ORDER BY ord DESC, member DESC LIMIT ?8;

-- entries_oldest: A page of a list that lives at an instant with its floor, oldest first.
SELECT (SELECT floor FROM lists WHERE keyspace = ?1 AND key = ?2), ord, member FROM entries
WHERE list = (SELECT list FROM lists WHERE keyspace = ?1 AND key = ?2 AND (ends IS NULL OR ends > ?3))
AND (ord, member) > (?4, ?5) AND (ord, member) <= (?6, ?7) ORDER BY ord, member LIMIT ?8;

-- list_floor: The floor of a list that lives at an instant.
SELECT floor FROM lists WHERE keyspace = ?1 AND key = ?2 AND (ends IS NULL OR ends > ?3);

-- list_open: Create an empty list, unless there is one.
INSERT INTO lists (keyspace, key, floor, pushes, ends) VALUES (?, ?, ?, 0, ?) ON CONFLICT DO NOTHING;

-- push_entries: Add one entry to those of these lists that live.
INSERT INTO entries (list, ord, member)
SELECT list, ?1, ?2 FROM lists WHERE keyspace = ?3 AND key IN carray(?4) AND (ends IS NULL OR ends > ?5)
ON CONFLICT DO NOTHING;

-- push_counts: Count one addition to each of these lists.
UPDATE lists SET pushes = pushes + 1 WHERE keyspace = ? AND key IN carray(?);

-- push_full: Those of these lists that are to be trimmed after so many additions.
SELECT list FROM lists WHERE keyspace = ? AND key IN carray(?) AND pushes >= ?;

-- fill_entry: Add an entry to a list.
INSERT INTO entries (list, ord, member) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- fill_head: Lower the floor of a list and count additions.
UPDATE lists SET floor = min(floor, ?), pushes = pushes + ? WHERE list = ?;

-- trim_floor: Raise the floor of a list to its oldest entry among so many newest, and begin counting anew.
UPDATE lists SET pushes = 0, floor = max(floor, coalesce(
    (SELECT ord FROM entries WHERE entries.list = ?1 ORDER BY ord DESC, member DESC LIMIT 1 OFFSET ?2), floor))
WHERE list = ?1;

-- trim_entries: Remove what lies below the oldest entry among so many newest ones of a list.
DELETE FROM entries WHERE list = ?1 AND ord < (
    SELECT ord FROM entries WHERE list = ?1 ORDER BY ord DESC, member DESC LIMIT 1 OFFSET ?2);

-- touch: Put off the end of these lists, where it is not far enough off already.
UPDATE lists SET ends = ? WHERE keyspace = ? AND key IN carray(?) AND ends > ? AND ends < ?;

-- drop_find: These lists.
SELECT list FROM lists WHERE keyspace = ? AND key IN carray(?);

-- drop_ended: Those of these lists that have ended.
SELECT list FROM lists WHERE keyspace = ? AND key = ? AND ends <= ?;

-- drop_entries: Remove the entries of these lists.
DELETE FROM entries WHERE list IN carray(?);

-- drop_lists: Remove these lists.
DELETE FROM lists WHERE list IN carray(?);

-- sweep_cells: Remove values and counters that have ended.
DELETE FROM cells WHERE (keyspace, key) IN (SELECT keyspace, key FROM cells WHERE ends <= ? LIMIT ?);

-- sweep_lists: Lists that have ended.
SELECT list FROM lists WHERE ends <= ? LIMIT ?;
