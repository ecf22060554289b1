-- Keyspaces: values, counters and capped sorted lists.

CREATE TABLE keyspaces (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- `value` is a blob in a keyspace of values and an integer in one of counters; `ends` is an instant.
CREATE TABLE cells (
    keyspace INTEGER NOT NULL,
    key TEXT NOT NULL,
    value ANY NOT NULL,
    ends INTEGER,
    PRIMARY KEY (keyspace, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX cells_ends ON cells (ends) WHERE ends IS NOT NULL;

-- `pushes` counts the additions since the last trim; `ends` is an instant, moved on by touching.
CREATE TABLE lists (
    list INTEGER PRIMARY KEY,
    keyspace INTEGER NOT NULL,
    key INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    pushes INTEGER NOT NULL,
    ends INTEGER,
    UNIQUE (keyspace, key)
) STRICT;
CREATE INDEX lists_ends ON lists (ends) WHERE ends IS NOT NULL;

CREATE TABLE entries (
    list INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    member INTEGER NOT NULL,
    PRIMARY KEY (list, ord, member)
) STRICT, WITHOUT ROWID;

-- The boot of the machine under which the file was last written, empty after a clean close.
CREATE TABLE boot (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL
) STRICT;
INSERT INTO boot VALUES (1, '');
