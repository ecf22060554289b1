-- scan_objects: Objects after a key, of all shards (-1) or one.
SELECT id, type, version, data FROM objects
WHERE id > ?1 AND deleted IS NULL AND (?2 < 0 OR (id >> 12) & 1023 = ?2) ORDER BY id LIMIT ?3;

-- scan_associations: Both halves of associations after a key, of all shards (-1) or one.
SELECT source, type, target, ord, flags, data FROM edges
WHERE (source, type, ord, target) > (?1, ?2, ?3, ?4) AND (?5 < 0 OR (source >> 12) & 1023 = ?5)
ORDER BY source, type, ord, target LIMIT ?6;

-- scan_counts: Counts after a key, of all shards (-1) or one.
SELECT source, type, length, newest FROM counts
WHERE (source, type) > (?1, ?2) AND (?3 < 0 OR (source >> 12) & 1023 = ?3) ORDER BY source, type LIMIT ?4;

-- scan_names: Names after a key, of all shards (-1) or one.
SELECT name, holder, expires FROM names WHERE name > ?1 AND (?2 < 0 OR name_shard(name) = ?2) ORDER BY name LIMIT ?3;

-- scan_calls: Calls after a key, of all shards (-1) or one.
SELECT id, state, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, error,
    namespace, parent
FROM calls
WHERE id > ?1 AND (?2 < 0 OR (id >> 12) & 1023 = ?2) ORDER BY id LIMIT ?3;

-- sweep_names: Remove names that have expired.
DELETE FROM names WHERE name IN (SELECT name FROM names WHERE expires <= ? LIMIT ?);

-- sweep_tombstones: Remove tombstones that are older than an instant.
DELETE FROM objects WHERE id IN (SELECT id FROM objects WHERE deleted <= ? LIMIT ?);

-- sweep_changes: Forget what the change log need not reach back to.
DELETE FROM changes WHERE seq IN (
    SELECT seq FROM changes WHERE seq <= (SELECT max(seq) FROM changes) - ? ORDER BY seq LIMIT ?);

-- sweep_pages: Give free pages back to the disk.
PRAGMA incremental_vacuum(1000);

-- copy: Write a compact copy of the file.
VACUUM INTO ?;

-- size: Bytes that the file holds, without free pages.
SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size;

-- integrity: What is wrong with a file, or 'ok'.
PRAGMA integrity_check(20);

-- integrity_quick: What is wrong with the b-trees of a file, or 'ok'.
PRAGMA quick_check(20);
