-- Leases as in 0008_calls_of_lines.sql, at a third of the statements. Classes that are empty take none, nor do limits
-- where there are none; and rows that were locked are found again by their places, which stay as they are for as long as
-- the lock is held, and not by their keys.

-- The first calls of the open lines of a class, from a line on: with one look into the index for each, and over a
-- stretch that is closed (a limit of nothing is left) with one more.
CREATE OR REPLACE FUNCTION ripstop_walk_lines(
    class smallint, from_line bigint, to_line bigint, limit_low bigint[], limit_high bigint[], limit_most integer[],
    OUT lanes bigint[], OUT deadlines bigint[], OUT ids bigint[]
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    base constant bigint := class::bigint << 61;
    most constant integer := 64;
    limited constant boolean := cardinality(limit_low) > 0;
    at_line bigint := from_line;
    closed bigint;
    head record;
BEGIN
    lanes := '{}'; deadlines := '{}'; ids := '{}';
    WHILE at_line <= to_line AND cardinality(lanes) < most LOOP
        -- SCATTER: a line has calls in all shards.
        SELECT c.lane, c.deadline, c.id INTO head
        FROM calls AS c WHERE c.state = 1 AND c.lane >= base + at_line AND c.lane <= base + to_line
        ORDER BY c.lane, c.deadline, c.id LIMIT 1;
        EXIT WHEN NOT FOUND;
        at_line := head.lane - base;
        IF limited THEN
            SELECT max(l.high) INTO closed FROM unnest(limit_low, limit_high, limit_most) AS l (low, high, most)
            WHERE l.most <= 0 AND at_line BETWEEN l.low AND l.high;
        END IF;
        IF closed IS NULL THEN
            lanes := lanes || head.lane; deadlines := deadlines || head.deadline; ids := ids || head.id;
        END IF;
        at_line := coalesce(closed, at_line) + 1;
    END LOOP;
END $$;

-- The open lines of a class in the order of their first calls; of too many, some that chance chooses.
CREATE OR REPLACE FUNCTION ripstop_lines(
    class smallint, limit_low bigint[], limit_high bigint[], limit_most integer[]
) RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    most constant integer := 64;
    last_line constant bigint := (1::bigint << 61) - 1;
    start bigint;
    walk record;
    others record;
BEGIN
    walk := ripstop_walk_lines(class, 0, last_line, limit_low, limit_high, limit_most);
    IF cardinality(walk.lanes) <= 1 THEN
        RETURN walk.lanes;
    END IF;
    IF cardinality(walk.lanes) >= most THEN
        start := floor(random() * last_line);
        walk := ripstop_walk_lines(class, start, last_line, limit_low, limit_high, limit_most);
        others := ripstop_walk_lines(class, 0, start - 1, limit_low, limit_high, limit_most);
        walk.lanes := (walk.lanes || others.lanes)[: most];
        walk.deadlines := (walk.deadlines || others.deadlines)[: most];
        walk.ids := (walk.ids || others.ids)[: most];
    END IF;
    RETURN (
        SELECT coalesce(array_agg(l.lane ORDER BY l.deadline, l.id), '{}')
        FROM unnest(walk.lanes, walk.deadlines, walk.ids) AS l (lane, deadline, id)
    );
END $$;

-- Locks the next calls of a line, after a deadline and id: their places, and what the next ones come after.
CREATE FUNCTION ripstop_lock_of_line(
    of_lane bigint, after_deadline bigint, after_id bigint, most integer, low_shard smallint, high_shard smallint,
    OUT rows tid[], OUT deadline bigint, OUT id bigint
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    IF low_shard <= 0 AND high_shard >= 1024 THEN
        -- SCATTER: all shards are wanted.
        SELECT array_agg(f.ctid), max(f.deadline), (array_agg(f.id))[count(*)] INTO rows, deadline, id
        FROM (
            SELECT c.ctid, c.deadline, c.id FROM calls AS c
            WHERE c.state = 1 AND c.lane = of_lane AND (c.deadline, c.id) > (after_deadline, after_id)
            ORDER BY c.lane, c.deadline, c.id LIMIT most FOR UPDATE SKIP LOCKED
        ) AS f;
    ELSE
        SELECT array_agg(c.ctid), max(c.deadline), (array_agg(c.id))[count(*)] INTO rows, deadline, id
        FROM (
            SELECT f.shard, f.id, f.deadline
            FROM generate_series(low_shard, high_shard - 1) AS s (shard), LATERAL (
                SELECT c.shard, c.deadline, c.id FROM calls AS c
                WHERE c.shard = s.shard AND c.state % 4 = 1 AND c.lane = of_lane
                    AND (c.deadline, c.id) > (after_deadline, after_id)
                ORDER BY c.lane, c.deadline, c.id LIMIT most
            ) AS f
            ORDER BY f.deadline, f.id LIMIT most
        ) AS f, LATERAL (
            -- The sum is no condition that an index knows, so that the key finds the row.
            SELECT c.ctid, c.deadline, c.id FROM calls AS c
            WHERE c.shard = f.shard AND c.id = f.id AND c.state + 0 = 1
            OFFSET 0 FOR UPDATE SKIP LOCKED
        ) AS c;
    END IF;
END $$;

-- Locks the calls to take, and says where they lie: of each class, equal shares of its lines, and what one leaves is
-- shared by the others. From all shards a line is read from its beginning; of a range of shards the first of each are
-- compared before they are locked, so that two workers of one range may leave each other fewer than they asked for.
-- The limits name ranges of lines, and how many calls may be taken of each. The classes are sorted.
CREATE FUNCTION ripstop_choose(
    classes smallint[], most integer, low_shard smallint, high_shard smallint,
    limit_low bigint[], limit_high bigint[], limit_most integer[],
    OUT chosen tid[]
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    line_part constant bigint := (1::bigint << 61) - 1;
    last_lane constant bigint := classes[cardinality(classes)]::bigint << 61 | line_part;
    limited constant boolean := cardinality(limit_low) > 0;
    at_lane bigint := classes[1]::bigint << 61;
    class smallint;
    left_over integer := most;
    lanes bigint[];
    after_deadlines bigint[];
    after_ids bigint[];
    still_open integer[];
    share integer; more integer; wanted integer; room integer; got integer;
    next record;
BEGIN
    chosen := '{}';
    WHILE left_over > 0 AND at_lane <= last_lane LOOP
        -- SCATTER: a class has calls in all shards.
        SELECT c.lane INTO at_lane FROM calls AS c WHERE c.state = 1 AND c.lane >= at_lane AND c.lane <= last_lane
        ORDER BY c.lane, c.deadline, c.id LIMIT 1;
        EXIT WHEN NOT FOUND;
        class := at_lane >> 61;
        at_lane := at_lane | line_part; -- the last of its class
        IF class <> ALL (classes) THEN
            at_lane := at_lane + 1;
            CONTINUE;
        END IF;
        lanes := ripstop_lines(class, limit_low, limit_high, limit_most);
        after_deadlines := array_fill((-9223372036854775808)::bigint, ARRAY[cardinality(lanes)]);
        after_ids := array_fill(0::bigint, ARRAY[cardinality(lanes)]);
        WHILE left_over > 0 AND cardinality(lanes) > 0 LOOP
            share := left_over / cardinality(lanes);
            more := left_over % cardinality(lanes);
            still_open := '{}';
            FOR i IN 1 .. cardinality(lanes) LOOP
                wanted := share + (i <= more)::integer;
                room := wanted;
                IF limited THEN
                    SELECT least(wanted, min(l.most)) INTO room
                    FROM unnest(limit_low, limit_high, limit_most) AS l (low, high, most)
                    WHERE lanes[i] & line_part BETWEEN l.low AND l.high;
                END IF;
                got := 0;
                IF room > 0 THEN
                    next := ripstop_lock_of_line(
                        lanes[i], after_deadlines[i], after_ids[i], room, low_shard, high_shard
                    );
                    got := coalesce(cardinality(next.rows), 0);
                END IF;
                IF got > 0 THEN
                    left_over := left_over - got;
                    chosen := chosen || next.rows;
                    after_deadlines[i] := next.deadline;
                    after_ids[i] := next.id;
                    FOR j IN 1 .. cardinality(limit_low) LOOP
                        IF lanes[i] & line_part BETWEEN limit_low[j] AND limit_high[j] THEN
                            limit_most[j] := limit_most[j] - got;
                        END IF;
                    END LOOP;
                END IF;
                IF got = wanted THEN
                    still_open := still_open || i;
                END IF;
            END LOOP;
            IF cardinality(still_open) < cardinality(lanes) THEN
                SELECT coalesce(array_agg(lanes[o] ORDER BY n), '{}'),
                    coalesce(array_agg(after_deadlines[o] ORDER BY n), '{}'),
                    coalesce(array_agg(after_ids[o] ORDER BY n), '{}')
                INTO lanes, after_deadlines, after_ids
                FROM unnest(still_open) WITH ORDINALITY AS u (o, n);
            END IF;
        END LOOP;
        EXIT WHEN at_lane >= last_lane; -- there is no number after the last class
        at_lane := at_lane + 1;
    END LOOP;
END $$;

-- Renews the leases named (those that are gone come back as rows with `lost`), puts expired leases and waiting calls
-- whose time has come among the ready ones, and takes the first of them. Nothing here waits for a lock.
CREATE OR REPLACE FUNCTION ripstop_lease(
    classes smallint[], most integer, milliseconds bigint, low_shard smallint, high_shard smallint,
    renew_shard smallint[], renew_id bigint[], renew_token bigint[],
    limit_low bigint[], limit_high bigint[], limit_most integer[]
) RETURNS TABLE (
    id bigint, token bigint, function text, arguments text, checkpoint text, attempt integer, due bigint,
    deadline bigint, criticality smallint, key text, lease_until bigint, lost boolean,
    namespace text, parent bigint
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    now_ms bigint := ripstop_now();
    until_ms bigint := now_ms + milliseconds;
    stripe smallint := floor(random() * 16);
    moved constant integer := 1000;
    is_time boolean;
    has_ended boolean;
    found tid[];
    found_ids bigint[];
BEGIN
    IF cardinality(renew_id) > 0 THEN
        SELECT array_agg(c.ctid), coalesce(array_agg(c.id), '{}') INTO found, found_ids
        FROM (
            SELECT * FROM unnest(renew_shard, renew_id, renew_token) AS u (shard, id, token) ORDER BY u.shard, u.id
        ) AS r, LATERAL (
            SELECT c.ctid, c.id FROM calls AS c
            WHERE c.shard = r.shard AND c.id = r.id AND c.state + 0 = 2 AND c.token = r.token
            OFFSET 0 FOR UPDATE
        ) AS c;
        -- SCATTER: the rows that were locked, wherever they lie.
        UPDATE calls AS c SET lease_until = until_ms WHERE c.ctid = ANY (found);
        RETURN QUERY
        SELECT r.id, r.token, NULL, NULL, NULL, NULL::integer, NULL::bigint, NULL::bigint, NULL::smallint, NULL,
            NULL::bigint, true, NULL, NULL::bigint
        FROM unnest(renew_id, renew_token) AS r (id, token)
        WHERE r.id <> ALL (found_ids);
    END IF;
    IF most <= 0 OR cardinality(classes) = 0 THEN
        RETURN;
    END IF;
    -- SCATTER: time passes in all shards alike.
    SELECT (SELECT c.due FROM calls AS c WHERE c.state = 0 ORDER BY c.due LIMIT 1) <= now_ms,
        (SELECT c.lease_until FROM calls AS c WHERE c.state = 2 ORDER BY c.lease_until LIMIT 1) <= now_ms
    INTO is_time, has_ended;
    IF is_time THEN
        -- SCATTER: time passes in all shards alike.
        SELECT array_agg(d.ctid) INTO found
        FROM (
            SELECT c.ctid FROM calls AS c WHERE c.state = 0 AND c.due <= now_ms
            ORDER BY c.due LIMIT moved FOR UPDATE SKIP LOCKED
        ) AS d;
        -- SCATTER: the rows that were locked, wherever they lie.
        WITH woken AS (
            UPDATE calls AS c SET state = 1 WHERE c.ctid = ANY (found) RETURNING c.function
        )
        INSERT INTO call_counts AS k (shard, function, waiting, ready, leased, dead)
        SELECT stripe, w.function, -count(*), count(*), 0, 0 FROM woken AS w GROUP BY w.function ORDER BY w.function
        ON CONFLICT ON CONSTRAINT call_counts_pkey
        DO UPDATE SET waiting = k.waiting + excluded.waiting, ready = k.ready + excluded.ready;
    END IF;
    IF has_ended THEN
        -- SCATTER: time passes in all shards alike.
        SELECT array_agg(e.ctid) INTO found
        FROM (
            SELECT c.ctid FROM calls AS c WHERE c.state = 2 AND c.lease_until <= now_ms
            ORDER BY c.lease_until LIMIT moved FOR UPDATE SKIP LOCKED
        ) AS e;
        -- SCATTER: the rows that were locked, wherever they lie.
        WITH freed AS (
            UPDATE calls AS c SET state = 1, lease_until = NULL WHERE c.ctid = ANY (found) RETURNING c.function
        )
        INSERT INTO call_counts AS k (shard, function, waiting, ready, leased, dead)
        SELECT stripe, f.function, 0, count(*), -count(*), 0 FROM freed AS f GROUP BY f.function ORDER BY f.function
        ON CONFLICT ON CONSTRAINT call_counts_pkey
        DO UPDATE SET ready = k.ready + excluded.ready, leased = k.leased + excluded.leased;
    END IF;
    found := ripstop_choose(classes, most, low_shard, high_shard, limit_low, limit_high, limit_most);
    IF cardinality(found) = 0 THEN
        RETURN;
    END IF;
    -- SCATTER: the rows that were locked, wherever they lie.
    RETURN QUERY
    WITH taken AS (
        UPDATE calls AS c SET state = 2, token = c.token + 1, lease_until = until_ms
        WHERE c.ctid = ANY (found)
        RETURNING c.id, c.token, c.function, c.arguments, c.checkpoint, c.attempt, c.due, c.deadline, c.criticality,
            c.key, c.lease_until, c.namespace, c.parent
    ), counted AS (
        INSERT INTO call_counts AS k (shard, function, waiting, ready, leased, dead)
        SELECT stripe, t.function, 0, -count(*), count(*), 0 FROM taken AS t GROUP BY t.function ORDER BY t.function
        ON CONFLICT ON CONSTRAINT call_counts_pkey
        DO UPDATE SET ready = k.ready + excluded.ready, leased = k.leased + excluded.leased
    )
    SELECT t.id, t.token, t.function::text, t.arguments, t.checkpoint, t.attempt, t.due, t.deadline, t.criticality,
        t.key::text, t.lease_until, false, t.namespace::text, t.parent
    FROM taken AS t ORDER BY t.criticality, t.deadline, t.id;
END $$;
