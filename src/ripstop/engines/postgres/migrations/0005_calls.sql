-- Leases. What is moved in one call is bounded by `moved`, so that an idle worker's question costs three looks into
-- indexes, and a busy one's no more than what it takes.

-- Renews the leases named (those that are gone come back as rows with `lost`), puts expired leases and waiting calls
-- whose time has come among the ready ones, and takes the first of them. Nothing here waits for a lock.
CREATE FUNCTION ripstop_lease(
    classes smallint[], most integer, milliseconds bigint, low_shard smallint, high_shard smallint,
    renew_shard smallint[], renew_id bigint[], renew_token bigint[]
) RETURNS TABLE (
    id bigint, token bigint, function text, arguments text, checkpoint text, attempt integer, due bigint,
    deadline bigint, criticality smallint, key text, lease_until bigint, lost boolean
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := ripstop_now();
    until_ms bigint := now_ms + milliseconds;
    stripe smallint := floor(random() * 16);
    moved constant integer := 1000;
    found_shards smallint[];
    found_ids bigint[];
BEGIN
    IF cardinality(renew_id) > 0 THEN
        SELECT array_agg(c.shard), coalesce(array_agg(c.id), '{}') INTO found_shards, found_ids
        FROM (
            SELECT * FROM unnest(renew_shard, renew_id, renew_token) AS u (shard, id, token) ORDER BY u.shard, u.id
        ) AS r, LATERAL (
            SELECT c.shard, c.id FROM calls AS c
            WHERE c.shard = r.shard AND c.id = r.id AND c.state + 0 = 2 AND c.token = r.token
            OFFSET 0 FOR UPDATE
        ) AS c;
        UPDATE calls AS c SET lease_until = until_ms
        FROM unnest(found_shards, found_ids) AS f (shard, id), LATERAL (
            SELECT r.ctid AS found FROM calls AS r WHERE r.shard = f.shard AND r.id = f.id OFFSET 0
        ) AS r
        WHERE c.ctid = r.found;
        RETURN QUERY
        SELECT r.id, r.token, NULL, NULL, NULL, NULL::integer, NULL::bigint, NULL::bigint, NULL::smallint, NULL,
            NULL::bigint, true
        FROM unnest(renew_id, renew_token) AS r (id, token)
        WHERE r.id <> ALL (found_ids);
    END IF;
    IF most <= 0 OR cardinality(classes) = 0 THEN
        RETURN;
    END IF;
    -- SCATTER: time passes in all shards alike.
    IF (SELECT c.due FROM calls AS c WHERE c.state = 0 ORDER BY c.due LIMIT 1) <= now_ms THEN
        SELECT array_agg(d.shard), array_agg(d.id) INTO found_shards, found_ids
        FROM (
            SELECT c.shard, c.id FROM calls AS c WHERE c.state = 0 AND c.due <= now_ms
            ORDER BY c.due LIMIT moved FOR UPDATE SKIP LOCKED
        ) AS d;
        WITH woken AS (
            UPDATE calls AS c SET state = 1
            FROM unnest(found_shards, found_ids) AS f (shard, id), LATERAL (
                SELECT r.ctid AS found FROM calls AS r WHERE r.shard = f.shard AND r.id = f.id OFFSET 0
            ) AS r
            WHERE c.ctid = r.found
            RETURNING c.function
        )
        INSERT INTO call_counts AS k (shard, function, waiting, ready, leased, dead)
        SELECT stripe, w.function, -count(*), count(*), 0, 0 FROM woken AS w GROUP BY w.function ORDER BY w.function
        ON CONFLICT ON CONSTRAINT call_counts_pkey
        DO UPDATE SET waiting = k.waiting + excluded.waiting, ready = k.ready + excluded.ready;
    END IF;
    IF (SELECT c.lease_until FROM calls AS c WHERE c.state = 2 ORDER BY c.lease_until LIMIT 1) <= now_ms THEN
        SELECT array_agg(e.shard), array_agg(e.id) INTO found_shards, found_ids
        FROM (
            SELECT c.shard, c.id FROM calls AS c WHERE c.state = 2 AND c.lease_until <= now_ms
            ORDER BY c.lease_until LIMIT moved FOR UPDATE SKIP LOCKED
        ) AS e;
        WITH freed AS (
            UPDATE calls AS c SET state = 1, lease_until = NULL
            FROM unnest(found_shards, found_ids) AS f (shard, id), LATERAL (
                SELECT r.ctid AS found FROM calls AS r WHERE r.shard = f.shard AND r.id = f.id OFFSET 0
            ) AS r
            WHERE c.ctid = r.found
            RETURNING c.function
        )
        INSERT INTO call_counts AS k (shard, function, waiting, ready, leased, dead)
        SELECT stripe, f.function, 0, count(*), -count(*), 0 FROM freed AS f GROUP BY f.function ORDER BY f.function
        ON CONFLICT ON CONSTRAINT call_counts_pkey
        DO UPDATE SET ready = k.ready + excluded.ready, leased = k.leased + excluded.leased;
    END IF;
    SELECT array_agg(f.shard), array_agg(f.id) INTO found_shards, found_ids
    FROM ripstop_ready(classes, most, low_shard, high_shard) AS f;
    IF found_ids IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH taken AS (
        UPDATE calls AS c SET state = 2, token = c.token + 1, lease_until = until_ms
        FROM unnest(found_shards, found_ids) AS f (shard, id), LATERAL (
            SELECT r.ctid AS found FROM calls AS r WHERE r.shard = f.shard AND r.id = f.id OFFSET 0
        ) AS r
        WHERE c.ctid = r.found
        RETURNING c.*
    ), counted AS (
        INSERT INTO call_counts AS k (shard, function, waiting, ready, leased, dead)
        SELECT stripe, t.function, 0, -count(*), count(*), 0 FROM taken AS t GROUP BY t.function ORDER BY t.function
        ON CONFLICT ON CONSTRAINT call_counts_pkey
        DO UPDATE SET ready = k.ready + excluded.ready, leased = k.leased + excluded.leased
    )
    SELECT t.id, t.token, t.function::text, t.arguments, t.checkpoint, t.attempt, t.due, t.deadline, t.criticality,
        t.key::text, t.lease_until, false
    FROM taken AS t ORDER BY t.criticality, t.deadline, t.id;
END $$;

-- Locks and names the first ready calls of some classes: from all shards by one index, read class by class from its
-- beginning; from a range of shards by the other, where the first of each shard are compared before they are locked,
-- so that two workers of the same range may leave each other fewer than they asked for.
CREATE FUNCTION ripstop_ready(classes smallint[], most integer, low_shard smallint, high_shard smallint)
RETURNS TABLE (shard smallint, id bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    class smallint;
    left_over integer := most;
    found integer;
BEGIN
    FOR class IN SELECT DISTINCT c FROM unnest(classes) AS c ORDER BY c LOOP
        EXIT WHEN left_over <= 0;
        IF low_shard <= 0 AND high_shard >= 1024 THEN
            -- SCATTER: all shards are wanted.
            RETURN QUERY
            SELECT c.shard, c.id FROM calls AS c WHERE c.state = 1 AND c.criticality = class
            ORDER BY c.criticality, c.deadline, c.id LIMIT left_over FOR UPDATE SKIP LOCKED;
        ELSE
            RETURN QUERY
            SELECT c.shard, c.id
            FROM (
                SELECT f.shard, f.id
                FROM generate_series(low_shard, high_shard - 1) AS s (shard), LATERAL (
                    SELECT c.shard, c.deadline, c.id FROM calls AS c
                    WHERE c.shard = s.shard AND c.state % 4 = 1 AND c.criticality = class
                    ORDER BY c.criticality, c.deadline, c.id LIMIT left_over
                ) AS f
                ORDER BY f.deadline, f.id LIMIT left_over
            ) AS f, LATERAL (
                -- The sum is no condition that an index knows, so that the key finds the row.
                SELECT c.shard, c.id FROM calls AS c WHERE c.shard = f.shard AND c.id = f.id AND c.state + 0 = 1
                OFFSET 0 FOR UPDATE SKIP LOCKED
            ) AS c;
        END IF;
        GET DIAGNOSTICS found = ROW_COUNT;
        left_over := left_over - found;
    END LOOP;
END $$;
