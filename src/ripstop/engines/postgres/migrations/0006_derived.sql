-- Derived data. The tables of keyspaces are UNLOGGED: no write-ahead log, and empty after a crash of the server, which
-- reads as "no such list" and is rebuilt by whoever needs it. `ends` is the instant at which a row is over, or NULL.

CREATE UNLOGGED TABLE keyspace_values (
    shard smallint NOT NULL,
    keyspace text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    ends bigint,
    PRIMARY KEY (shard, keyspace, key)
);
CREATE INDEX keyspace_values_ending ON keyspace_values (ends) WHERE ends IS NOT NULL;

CREATE UNLOGGED TABLE keyspace_counters (
    shard smallint NOT NULL,
    keyspace text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    value bigint NOT NULL,
    ends bigint,
    PRIMARY KEY (shard, keyspace, key)
) WITH (fillfactor = 70);
CREATE INDEX keyspace_counters_ending ON keyspace_counters (ends) WHERE ends IS NOT NULL;

CREATE UNLOGGED TABLE keyspace_lists (
    shard smallint NOT NULL,
    keyspace text COLLATE "C" NOT NULL,
    key bigint NOT NULL,
    floor bigint NOT NULL,
    added integer NOT NULL DEFAULT 0,   -- since the list was last trimmed
    ends bigint,
    PRIMARY KEY (shard, keyspace, key)
) WITH (fillfactor = 70);
CREATE INDEX keyspace_lists_ending ON keyspace_lists (ends) WHERE ends IS NOT NULL;

CREATE UNLOGGED TABLE keyspace_entries (
    shard smallint NOT NULL,
    keyspace text COLLATE "C" NOT NULL,
    key bigint NOT NULL,
    place bigint NOT NULL,
    member bigint NOT NULL,
    PRIMARY KEY (shard, keyspace, key, place, member)
);

-- `words` and `filters` share one index; the name of the text index is the first of the filters.
CREATE TABLE text_documents (
    shard smallint NOT NULL,
    text_index text COLLATE "C" NOT NULL,
    id bigint NOT NULL,
    place bigint NOT NULL,
    words tsvector NOT NULL,
    filters text[] NOT NULL,
    PRIMARY KEY (shard, text_index, id)
);
CREATE INDEX text_documents_words ON text_documents USING gin (words, filters);

-- Adds entries to those of the lists that exist; trims a list once in 64 additions to its `cap` newest entries.
-- A cap of 0 is none. Lists are locked in key order.
CREATE FUNCTION ripstop_list_add(
    space text, cap integer, list_shard smallint[], list_key bigint[], entry_place bigint[], entry_member bigint[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_ms bigint := ripstop_now();
    list record;
    boundary bigint;
BEGIN
    PERFORM FROM (
        SELECT DISTINCT u.shard, u.key FROM unnest(list_shard, list_key) AS u (shard, key) ORDER BY u.shard, u.key
    ) AS u, LATERAL (
        SELECT FROM keyspace_lists AS l WHERE l.shard = u.shard AND l.keyspace = space AND l.key = u.key
        OFFSET 0 FOR UPDATE
    ) AS l;
    INSERT INTO keyspace_entries (shard, keyspace, key, place, member)
    SELECT u.shard, space, u.key, u.place, u.member
    FROM unnest(list_shard, list_key, entry_place, entry_member) AS u (shard, key, place, member), LATERAL (
        SELECT FROM keyspace_lists AS l
        WHERE l.shard = u.shard AND l.keyspace = space AND l.key = u.key AND (l.ends IS NULL OR l.ends > now_ms)
        OFFSET 0
    ) AS l
    ON CONFLICT DO NOTHING;
    FOR list IN
        UPDATE keyspace_lists AS l SET added = (l.added + u.times) % 64
        FROM (
            SELECT u.shard, u.key, count(*) AS times
            FROM unnest(list_shard, list_key) AS u (shard, key) GROUP BY u.shard, u.key
        ) AS u, LATERAL (
            SELECT r.ctid AS found FROM keyspace_lists AS r
            WHERE r.shard = u.shard AND r.keyspace = space AND r.key = u.key AND (r.ends IS NULL OR r.ends > now_ms)
            OFFSET 0
        ) AS r
        WHERE l.ctid = r.found
        RETURNING l.shard, l.key, l.added < u.times AS is_full
    LOOP
        CONTINUE WHEN NOT list.is_full OR cap <= 0;
        SELECT e.place INTO boundary FROM keyspace_entries AS e
        WHERE e.shard = list.shard AND e.keyspace = space AND e.key = list.key
        ORDER BY e.place DESC, e.member DESC OFFSET cap - 1 LIMIT 1;
        -- Entries of the boundary's own order all stay, so that everything from the floor on is there.
        DELETE FROM keyspace_entries AS e
        WHERE e.shard = list.shard AND e.keyspace = space AND e.key = list.key AND e.place < boundary;
        IF FOUND THEN
            UPDATE keyspace_lists AS l SET floor = greatest(l.floor, boundary)
            WHERE l.shard = list.shard AND l.keyspace = space AND l.key = list.key;
        END IF;
    END LOOP;
END $$;

-- Creates lists with their floors, in key order; one that is over begins anew, and one that is there stays as it is.
CREATE FUNCTION ripstop_lists_open(
    space text, list_shard smallint[], list_key bigint[], list_floor bigint[], milliseconds bigint
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_ms bigint := ripstop_now();
    over_shards smallint[];
    over_keys bigint[];
BEGIN
    SELECT array_agg(l.shard), array_agg(l.key) INTO over_shards, over_keys
    FROM unnest(list_shard, list_key) AS k (shard, key), LATERAL (
        SELECT l.shard, l.key FROM keyspace_lists AS l
        WHERE l.shard = k.shard AND l.keyspace = space AND l.key = k.key AND coalesce(l.ends, now_ms + 1) <= now_ms
        OFFSET 0
    ) AS l;
    IF over_keys IS NOT NULL THEN
        PERFORM ripstop_lists_drop(space, over_shards, over_keys, now_ms);
    END IF;
    INSERT INTO keyspace_lists (shard, keyspace, key, floor, ends)
    SELECT k.shard, space, k.key, k.floor, now_ms + milliseconds
    FROM unnest(list_shard, list_key, list_floor) AS k (shard, key, floor)
    ORDER BY k.shard, k.key
    ON CONFLICT DO NOTHING;
END $$;

-- Removes lists with all that they hold; where an instant is given, only those that are over by then.
CREATE FUNCTION ripstop_lists_drop(space text, list_shard smallint[], list_key bigint[], over_ms bigint)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    shards smallint[];
    keys bigint[];
BEGIN
    SELECT array_agg(l.shard), array_agg(l.key) INTO shards, keys
    FROM (SELECT * FROM unnest(list_shard, list_key) AS u (shard, key) ORDER BY u.shard, u.key) AS k, LATERAL (
        SELECT l.shard, l.key FROM keyspace_lists AS l
        WHERE l.shard = k.shard AND l.keyspace = space AND l.key = k.key AND (over_ms IS NULL OR l.ends <= over_ms)
        OFFSET 0 FOR UPDATE
    ) AS l;
    DELETE FROM keyspace_entries AS e
    USING unnest(shards, keys) AS k (shard, key), LATERAL (
        SELECT r.ctid AS found FROM keyspace_entries AS r
        WHERE r.shard = k.shard AND r.keyspace = space AND r.key = k.key OFFSET 0
    ) AS r
    WHERE e.ctid = r.found;
    DELETE FROM keyspace_lists AS l
    USING unnest(shards, keys) AS k (shard, key), LATERAL (
        SELECT r.ctid AS found FROM keyspace_lists AS r
        WHERE r.shard = k.shard AND r.keyspace = space AND r.key = k.key OFFSET 0
    ) AS r
    WHERE l.ctid = r.found;
    RETURN coalesce(cardinality(keys), 0);
END $$;

-- Moves the end of lists that are not over.
CREATE FUNCTION ripstop_lists_touch(space text, list_shard smallint[], list_key bigint[], milliseconds bigint)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_ms bigint := ripstop_now();
    shards smallint[];
    keys bigint[];
BEGIN
    SELECT array_agg(l.shard), array_agg(l.key) INTO shards, keys
    FROM (SELECT DISTINCT * FROM unnest(list_shard, list_key) AS u (shard, key) ORDER BY u.shard, u.key) AS k, LATERAL (
        SELECT l.shard, l.key FROM keyspace_lists AS l
        WHERE l.shard = k.shard AND l.keyspace = space AND l.key = k.key AND coalesce(l.ends, 0) > now_ms
        OFFSET 0 FOR UPDATE
    ) AS l;
    UPDATE keyspace_lists AS l SET ends = now_ms + milliseconds
    FROM unnest(shards, keys) AS k (shard, key), LATERAL (
        SELECT r.ctid AS found FROM keyspace_lists AS r
        WHERE r.shard = k.shard AND r.keyspace = space AND r.key = k.key OFFSET 0
    ) AS r
    WHERE l.ctid = r.found;
END $$;

CREATE FUNCTION ripstop_values_remove(space text, key_shard smallint[], key_text text[])
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM (
        SELECT * FROM unnest(key_shard, key_text) AS u (shard, key) ORDER BY u.shard, u.key COLLATE "C"
    ) AS k, LATERAL (
        SELECT FROM keyspace_values AS v WHERE v.shard = k.shard AND v.keyspace = space AND v.key = k.key
        OFFSET 0 FOR UPDATE
    ) AS v;
    DELETE FROM keyspace_values AS v
    USING unnest(key_shard, key_text) AS k (shard, key), LATERAL (
        SELECT r.ctid AS found FROM keyspace_values AS r
        WHERE r.shard = k.shard AND r.keyspace = space AND r.key = k.key OFFSET 0
    ) AS r
    WHERE v.ctid = r.found;
END $$;

CREATE FUNCTION ripstop_text_remove(name text, document_shard smallint[], document_id bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM (
        SELECT * FROM unnest(document_shard, document_id) AS u (shard, id) ORDER BY u.shard, u.id
    ) AS d, LATERAL (
        SELECT FROM text_documents AS t WHERE t.shard = d.shard AND t.text_index = name AND t.id = d.id
        OFFSET 0 FOR UPDATE
    ) AS t;
    DELETE FROM text_documents AS t
    USING unnest(document_shard, document_id) AS d (shard, id), LATERAL (
        SELECT r.ctid AS found FROM text_documents AS r
        WHERE r.shard = d.shard AND r.text_index = name AND r.id = d.id OFFSET 0
    ) AS r
    WHERE t.ctid = r.found;
END $$;
