-- The rows of a store. `shard` comes first in every key; on one server it costs two bytes and says nothing that the
-- id would not, on several it says on which of them a row lives.

CREATE TABLE objects (
    shard smallint NOT NULL,
    id bigint NOT NULL,
    type integer NOT NULL,
    version bigint NOT NULL,
    data text,          -- NULL: deleted, the row is the tombstone that keeps its id from being used again
    deleted_ms bigint,
    PRIMARY KEY (shard, id)
);
CREATE INDEX objects_deleted ON objects (deleted_ms) WHERE deleted_ms IS NOT NULL;

-- The primary key is the list in its order. A direction that is `keyed` has a second index, by target.
CREATE TABLE associations (
    shard smallint NOT NULL,
    source bigint NOT NULL,
    type integer NOT NULL,
    place bigint NOT NULL,      -- the order within the list
    target bigint NOT NULL,
    flags integer NOT NULL,
    keyed boolean NOT NULL,
    data text,
    PRIMARY KEY (shard, source, type, place, target)
);
CREATE UNIQUE INDEX associations_keyed ON associations (shard, source, type, target) WHERE keyed;

-- An exact count is one row with stripe 0. A striped one is the sum of up to 16 rows, which writers choose at random;
-- its `newest` is NULL, since no single row could know it: readers look at the end of the list instead.
CREATE TABLE counts (
    shard smallint NOT NULL,
    source bigint NOT NULL,
    type integer NOT NULL,
    stripe smallint NOT NULL,
    length bigint NOT NULL,
    newest bigint,
    PRIMARY KEY (shard, source, type, stripe)
) WITH (fillfactor = 80);
CREATE INDEX counts_empty ON counts (shard) WHERE length = 0;

CREATE TABLE names (
    shard smallint NOT NULL,
    name text COLLATE "C" NOT NULL,
    holder bigint NOT NULL,
    expires bigint,
    PRIMARY KEY (shard, name)
);
CREATE INDEX names_by_name ON names (name);
CREATE INDEX names_expiring ON names (expires) WHERE expires IS NOT NULL;

-- States are those of ripstop.engines.base.CallState: 0 waiting, 1 ready, 2 leased, 3 dead.
CREATE TABLE calls (
    shard smallint NOT NULL,
    id bigint NOT NULL,
    state smallint NOT NULL,
    criticality smallint NOT NULL,
    due bigint NOT NULL,
    deadline bigint NOT NULL,
    lease_until bigint,
    dead_ms bigint,
    token bigint NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 1,
    function text COLLATE "C" NOT NULL,
    key text COLLATE "C",
    arguments text NOT NULL,
    checkpoint text,
    error text,
    PRIMARY KEY (shard, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
-- While a table is small, or was small when a plan was made, one index looks to the planner as good as another, and a
-- partial one tempts it to read the whole of it. So each of those below has a condition or an order that only the
-- statement made for it has: `state / 2 = 0` is "waiting or ready", `state % 4 = 1` is "ready".
-- Workers that take from all shards read the first index from its beginning; those that take from some read the
-- second, from the beginning of each of their shards. Neither passes over calls that it does not take.
CREATE INDEX calls_ready ON calls (criticality, deadline, id) WHERE state = 1;
CREATE INDEX calls_ready_by_shard ON calls (shard, criticality, deadline, id) WHERE state % 4 = 1;
CREATE INDEX calls_waiting ON calls (due) WHERE state = 0;
CREATE INDEX calls_leased ON calls (lease_until) WHERE state = 2;
CREATE INDEX calls_dead ON calls (dead_ms) WHERE state = 3;
CREATE INDEX calls_unstarted_by_key ON calls (shard, function, key) WHERE key IS NOT NULL AND state / 2 = 0;
CREATE INDEX calls_unfinished ON calls (function, id) WHERE state <= 2;

-- How many calls stand in each state, as the sum of up to 16 rows for each function. `shard` is such a row's number
-- and nothing more.
CREATE TABLE call_counts (
    shard smallint NOT NULL,
    function text COLLATE "C" NOT NULL,
    waiting bigint NOT NULL,
    ready bigint NOT NULL,
    leased bigint NOT NULL,
    dead bigint NOT NULL,
    PRIMARY KEY (shard, function)
) WITH (fillfactor = 50);

-- The change log: one row for each group that changed something. It is one log for the whole store.
CREATE TABLE changes (
    transaction bigint PRIMARY KEY DEFAULT pg_current_xact_id()::text::bigint,
    at_ms bigint NOT NULL,
    ids bigint[] NOT NULL,
    sources bigint[] NOT NULL,
    types integer[] NOT NULL
);
CREATE INDEX changes_at ON changes (at_ms);

-- Up to which transaction the log was trimmed.
CREATE TABLE changes_trimmed (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    transaction bigint NOT NULL
);
INSERT INTO changes_trimmed (transaction) VALUES (0);
