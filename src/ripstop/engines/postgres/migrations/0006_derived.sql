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
        SELECT DISTINCT u.shard, space AS keyspace, u.key FROM unnest(list_shard, list_key) AS u (shard, key) OFFSET 0
    ) AS u
    JOIN keyspace_lists AS l ON l.shard = u.shard AND l.keyspace = u.keyspace AND l.key = u.key
    ORDER BY l.shard, l.key FOR UPDATE OF l;
    INSERT INTO keyspace_entries (shard, keyspace, key, place, member)
    SELECT u.shard, space, u.key, u.place, u.member
    FROM (
        SELECT u.*, space AS keyspace
        FROM unnest(list_shard, list_key, entry_place, entry_member) AS u (shard, key, place, member) OFFSET 0
    ) AS u
    JOIN keyspace_lists AS l ON l.shard = u.shard AND l.keyspace = u.keyspace AND l.key = u.key
    WHERE l.ends IS NULL OR l.ends > now_ms
    ON CONFLICT DO NOTHING;
    FOR list IN
        UPDATE keyspace_lists AS l SET added = (l.added + u.times) % 64
        FROM (
            SELECT u.shard, space AS keyspace, u.key, count(*) AS times
            FROM unnest(list_shard, list_key) AS u (shard, key) GROUP BY u.shard, u.key OFFSET 0
        ) AS u
        WHERE l.shard = u.shard AND l.keyspace = u.keyspace AND l.key = u.key AND (l.ends IS NULL OR l.ends > now_ms)
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
BEGIN
    WITH over AS (
        SELECT l.shard, l.keyspace, l.key
        FROM (SELECT u.*, space AS keyspace FROM unnest(list_shard, list_key) AS u (shard, key) OFFSET 0) AS k
        JOIN keyspace_lists AS l ON l.shard = k.shard AND l.keyspace = k.keyspace AND l.key = k.key
        WHERE l.ends <= now_ms
        ORDER BY l.shard, l.key FOR UPDATE OF l
    ), emptied AS (
        DELETE FROM keyspace_entries AS e USING over AS o
        WHERE e.shard = o.shard AND e.keyspace = o.keyspace AND e.key = o.key
    )
    DELETE FROM keyspace_lists AS l USING over AS o
    WHERE l.shard = o.shard AND l.keyspace = o.keyspace AND l.key = o.key;
    INSERT INTO keyspace_lists (shard, keyspace, key, floor, ends)
    SELECT k.shard, space, k.key, k.floor, now_ms + milliseconds
    FROM unnest(list_shard, list_key, list_floor) AS k (shard, key, floor)
    ORDER BY k.shard, k.key
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION ripstop_lists_drop(space text, list_shard smallint[], list_key bigint[])
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM (SELECT u.*, space AS keyspace FROM unnest(list_shard, list_key) AS u (shard, key) OFFSET 0) AS k
    JOIN keyspace_lists AS l ON l.shard = k.shard AND l.keyspace = k.keyspace AND l.key = k.key
    ORDER BY l.shard, l.key FOR UPDATE OF l;
    DELETE FROM keyspace_entries AS e
    USING (SELECT u.*, space AS keyspace FROM unnest(list_shard, list_key) AS u (shard, key) OFFSET 0) AS k
    WHERE e.shard = k.shard AND e.keyspace = k.keyspace AND e.key = k.key;
    DELETE FROM keyspace_lists AS l
    USING (SELECT u.*, space AS keyspace FROM unnest(list_shard, list_key) AS u (shard, key) OFFSET 0) AS k
    WHERE l.shard = k.shard AND l.keyspace = k.keyspace AND l.key = k.key;
END $$;
