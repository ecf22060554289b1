-- The rows of record: objects, associations, counts, names, calls, and the log of what was changed.

-- A deleted object keeps its row as a tombstone, with the instant in `deleted` and no data.
CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    type INTEGER NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL,
    deleted INTEGER
) STRICT;
CREATE INDEX objects_deleted ON objects (deleted) WHERE deleted IS NOT NULL;

-- Both halves of every association, sorted as lists are read.
CREATE TABLE edges (
    source INTEGER NOT NULL,
    type INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    target INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    data TEXT,
    PRIMARY KEY (source, type, ord, target)
) STRICT, WITHOUT ROWID;

-- The order under which an association of a keyed direction stands in `edges`.
CREATE TABLE edge_keys (
    source INTEGER NOT NULL,
    type INTEGER NOT NULL,
    target INTEGER NOT NULL,
    ord INTEGER NOT NULL,
    PRIMARY KEY (source, type, target)
) STRICT, WITHOUT ROWID;

-- Length and highest order of counted lists that are not empty.
CREATE TABLE counts (
    source INTEGER NOT NULL,
    type INTEGER NOT NULL,
    length INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    PRIMARY KEY (source, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE names (
    name TEXT PRIMARY KEY,
    holder INTEGER NOT NULL,
    expires INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX names_expires ON names (expires) WHERE expires IS NOT NULL;

-- `lane` and `rank` sort the calls of one state by what is asked of it: ready ones (state 1) by criticality and
-- deadline; waiting (0) by due, leased (2) by the end of the lease and dead ones (3) by the instant, all in lane 0.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    state INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    function TEXT NOT NULL,
    arguments TEXT NOT NULL,
    checkpoint TEXT,
    due INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    criticality INTEGER NOT NULL,
    key TEXT,
    attempt INTEGER NOT NULL,
    token INTEGER NOT NULL,
    error TEXT
) STRICT;
CREATE INDEX calls_queue ON calls (state, lane, rank);
CREATE INDEX calls_key ON calls (function, key) WHERE key IS NOT NULL AND state < 2;
CREATE INDEX calls_unfinished ON calls (function) WHERE state < 3;

CREATE TABLE call_counts (
    function TEXT PRIMARY KEY,
    waiting INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    leased INTEGER NOT NULL,
    dead INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each group of batches: packed 64-bit integers, ids one by one and lists as pairs (source, type).
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY,
    ids BLOB NOT NULL,
    lists BLOB NOT NULL
) STRICT;
