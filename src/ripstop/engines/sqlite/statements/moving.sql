-- follow: Note the keys of all rows of record that are written from here on. The first note carries the token.
CREATE TABLE moving (
    number INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL, -- 1 objects, 2 associations, 3 counts, 4 names, 5 calls
    a ANY,
    b INTEGER,
    c INTEGER,
    d INTEGER
) STRICT;
CREATE TRIGGER moving_objects_put AFTER INSERT ON objects BEGIN
    INSERT INTO moving (kind, a) VALUES (1, new.id);
END;
CREATE TRIGGER moving_objects_change AFTER UPDATE ON objects BEGIN
    INSERT INTO moving (kind, a) VALUES (1, new.id);
END;
CREATE TRIGGER moving_objects_drop AFTER DELETE ON objects BEGIN
    INSERT INTO moving (kind, a) VALUES (1, old.id);
END;
CREATE TRIGGER moving_edges_put AFTER INSERT ON edges BEGIN
    INSERT INTO moving (kind, a, b, c, d) VALUES (2, new.source, new.type, new.ord, new.target);
END;
CREATE TRIGGER moving_edges_change AFTER UPDATE ON edges BEGIN
    INSERT INTO moving (kind, a, b, c, d)
    SELECT 2, old.source, old.type, old.ord, old.target UNION SELECT 2, new.source, new.type, new.ord, new.target;
END;
CREATE TRIGGER moving_edges_drop AFTER DELETE ON edges BEGIN
    INSERT INTO moving (kind, a, b, c, d) VALUES (2, old.source, old.type, old.ord, old.target);
END;
CREATE TRIGGER moving_counts_put AFTER INSERT ON counts BEGIN
    INSERT INTO moving (kind, a, b) VALUES (3, new.source, new.type);
END;
CREATE TRIGGER moving_counts_change AFTER UPDATE ON counts BEGIN
    INSERT INTO moving (kind, a, b) VALUES (3, new.source, new.type);
END;
CREATE TRIGGER moving_counts_drop AFTER DELETE ON counts BEGIN
    INSERT INTO moving (kind, a, b) VALUES (3, old.source, old.type);
END;
CREATE TRIGGER moving_names_put AFTER INSERT ON names BEGIN
    INSERT INTO moving (kind, a) VALUES (4, new.name);
END;
CREATE TRIGGER moving_names_change AFTER UPDATE ON names BEGIN
    INSERT INTO moving (kind, a) VALUES (4, new.name);
END;
CREATE TRIGGER moving_names_drop AFTER DELETE ON names BEGIN
    INSERT INTO moving (kind, a) VALUES (4, old.name);
END;
CREATE TRIGGER moving_calls_put AFTER INSERT ON calls BEGIN
    INSERT INTO moving (kind, a) VALUES (5, new.id);
END;
CREATE TRIGGER moving_calls_change AFTER UPDATE ON calls BEGIN
    INSERT INTO moving (kind, a) VALUES (5, new.id);
END;
CREATE TRIGGER moving_calls_drop AFTER DELETE ON calls BEGIN
    INSERT INTO moving (kind, a) VALUES (5, old.id);
END;
INSERT INTO moving (number, kind, a) VALUES (1, 0, hex(randomblob(16)));

-- follows: Whether notes are taken.
SELECT count(*) FROM sqlite_schema WHERE name = 'moving';

-- forget: Take no more notes, and drop those that were taken.
DROP TRIGGER IF EXISTS moving_objects_put;
DROP TRIGGER IF EXISTS moving_objects_change;
DROP TRIGGER IF EXISTS moving_objects_drop;
DROP TRIGGER IF EXISTS moving_edges_put;
DROP TRIGGER IF EXISTS moving_edges_change;
DROP TRIGGER IF EXISTS moving_edges_drop;
DROP TRIGGER IF EXISTS moving_counts_put;
DROP TRIGGER IF EXISTS moving_counts_change;
DROP TRIGGER IF EXISTS moving_counts_drop;
DROP TRIGGER IF EXISTS moving_names_put;
DROP TRIGGER IF EXISTS moving_names_change;
DROP TRIGGER IF EXISTS moving_names_drop;
DROP TRIGGER IF EXISTS moving_calls_put;
DROP TRIGGER IF EXISTS moving_calls_change;
DROP TRIGGER IF EXISTS moving_calls_drop;
DROP TABLE IF EXISTS moving;

-- token: What tells these notes from those of any other move.
SELECT a FROM moving WHERE number = 1;

-- last: The number of the last note.
SELECT max(number) FROM moving;

-- snapshot: Begin to read as of one moment.
BEGIN;

-- keys_objects: Objects that a part of the notes names.
SELECT DISTINCT a FROM moving WHERE number > ? AND number <= ? AND kind = 1;

-- keys_associations: Associations that a part of the notes names.
SELECT DISTINCT a, b, c, d FROM moving WHERE number > ? AND number <= ? AND kind = 2;

-- keys_counts: Counts that a part of the notes names.
SELECT DISTINCT a, b FROM moving WHERE number > ? AND number <= ? AND kind = 3;

-- keys_names: Names that a part of the notes names.
SELECT DISTINCT a FROM moving WHERE number > ? AND number <= ? AND kind = 4;

-- keys_calls: Calls that a part of the notes names.
SELECT DISTINCT a FROM moving WHERE number > ? AND number <= ? AND kind = 5;

-- rows_objects: Objects after a key, with tombstones.
SELECT id, type, version, CASE WHEN deleted IS NULL THEN data END, deleted FROM objects
WHERE id > ? ORDER BY id LIMIT ?;

-- rows_associations: Both halves of associations after a key.
SELECT source, type, ord, target, flags, data FROM edges
WHERE (source, type, ord, target) > (?, ?, ?, ?) ORDER BY source, type, ord, target LIMIT ?;

-- rows_counts: Counts after a key.
SELECT source, type, length, newest FROM counts WHERE (source, type) > (?, ?) ORDER BY source, type LIMIT ?;

-- rows_names: Names after a key.
SELECT name, holder, expires FROM names WHERE name > ? ORDER BY name LIMIT ?;

-- rows_calls: Calls after a key; the instant is the end of a lease, or that of a death.
SELECT id, state, CASE WHEN state >= 2 THEN rank END, function, arguments, checkpoint, due, deadline, criticality, key,
    attempt, token, error, namespace, parent
FROM calls WHERE id > ? ORDER BY id LIMIT ?;

-- row_objects: One object, or its tombstone.
SELECT id, type, version, CASE WHEN deleted IS NULL THEN data END, deleted FROM objects WHERE id = ?;

-- row_associations: One half of an association.
SELECT source, type, ord, target, flags, data FROM edges
WHERE source = ? AND type = ? AND ord = ? AND target = ?;

-- row_counts: One count.
SELECT source, type, length, newest FROM counts WHERE source = ? AND type = ?;

-- row_names: One name.
SELECT name, holder, expires FROM names WHERE name = ?;

-- row_calls: One call.
SELECT id, state, CASE WHEN state >= 2 THEN rank END, function, arguments, checkpoint, due, deadline, criticality, key,
    attempt, token, error, namespace, parent
FROM calls WHERE id = ?;
