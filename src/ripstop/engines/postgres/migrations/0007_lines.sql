-- Lines: ready calls are sorted by `lane`, which is the criticality and below it a hash of function and namespace
-- (`ripstop.engines.common.call_lane`), so that each line can be read from its beginning, or left out as a whole.
-- Functions of the same name with fewer parameters serve processes of the version before, until all are replaced:
-- calls that those put are all of the line 0 of the normal class.

ALTER TABLE calls
    ADD COLUMN lane bigint NOT NULL DEFAULT 2::bigint << 61,
    ADD COLUMN namespace text COLLATE "C",
    ADD COLUMN parent bigint; -- the call that this one is a part of
UPDATE calls SET lane = criticality::bigint << 61;
CREATE INDEX calls_lines ON calls (lane, deadline, id) WHERE state = 1;
CREATE INDEX calls_lines_by_shard ON calls (shard, lane, deadline, id) WHERE state % 4 = 1;
CREATE INDEX calls_parts ON calls (parent, shard, id) WHERE parent IS NOT NULL;
DROP INDEX calls_ready;
DROP INDEX calls_ready_by_shard;

-- The first calls of the open lines of a class, from a line on: with one look into the index for each, and over a
-- stretch that is closed (a limit of nothing is left) with one more.
CREATE FUNCTION ripstop_walk_lines(
    class smallint, from_line bigint, to_line bigint, limit_low bigint[], limit_high bigint[], limit_most integer[],
    OUT lanes bigint[], OUT deadlines bigint[], OUT ids bigint[]
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    base constant bigint := class::bigint << 61;
    most constant integer := 64;
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
        SELECT max(l.high) INTO closed FROM unnest(limit_low, limit_high, limit_most) AS l (low, high, most)
        WHERE l.most <= 0 AND at_line BETWEEN l.low AND l.high;
        IF closed IS NULL THEN
            lanes := lanes || head.lane; deadlines := deadlines || head.deadline; ids := ids || head.id;
        END IF;
        at_line := coalesce(closed, at_line) + 1;
    END LOOP;
END $$;

-- The open lines of a class in the order of their first calls; of too many, some that chance chooses.
CREATE FUNCTION ripstop_lines(class smallint, limit_low bigint[], limit_high bigint[], limit_most integer[])
RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    most constant integer := 64;
    last_line constant bigint := (1::bigint << 61) - 1;
    start bigint;
    walk record;
    others record;
BEGIN
    SELECT * INTO walk FROM ripstop_walk_lines(class, 0, last_line, limit_low, limit_high, limit_most);
    IF cardinality(walk.lanes) >= most THEN
        start := floor(random() * last_line);
        SELECT * INTO walk FROM ripstop_walk_lines(class, start, last_line, limit_low, limit_high, limit_most);
        SELECT * INTO others FROM ripstop_walk_lines(class, 0, start - 1, limit_low, limit_high, limit_most);
        walk.lanes := (walk.lanes || others.lanes)[: most];
        walk.deadlines := (walk.deadlines || others.deadlines)[: most];
        walk.ids := (walk.ids || others.ids)[: most];
    END IF;
    RETURN (
        SELECT coalesce(array_agg(l.lane ORDER BY l.deadline, l.id), '{}')
        FROM unnest(walk.lanes, walk.deadlines, walk.ids) AS l (lane, deadline, id)
    );
END $$;

-- Locks and names the calls to take: of each class, equal shares of its lines, and what one leaves is shared by the
-- others. From all shards a line is read from its beginning; of a range of shards the first of each are compared
-- before they are locked, so that two workers of one range may leave each other fewer than they asked for.
-- The limits name ranges of lines, and how many calls may be taken of each.
CREATE FUNCTION ripstop_take(
    classes smallint[], most integer, low_shard smallint, high_shard smallint,
    limit_low bigint[], limit_high bigint[], limit_most integer[]
) RETURNS TABLE (shard smallint, id bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    line_part constant bigint := (1::bigint << 61) - 1;
    class smallint;
    left_over integer := most;
    lanes bigint[];
    after_deadlines bigint[];
    after_ids bigint[];
    still_open integer[];
    share integer; more integer; wanted integer; room integer; got integer;
    got_shards smallint[]; got_ids bigint[]; got_deadlines bigint[];
BEGIN
    FOR class IN SELECT DISTINCT c FROM unnest(classes) AS c ORDER BY c LOOP
        EXIT WHEN left_over <= 0;
        lanes := ripstop_lines(class, limit_low, limit_high, limit_most);
        after_deadlines := array_fill((-9223372036854775808)::bigint, ARRAY[cardinality(lanes)]);
        after_ids := array_fill(0::bigint, ARRAY[cardinality(lanes)]);
        WHILE left_over > 0 AND cardinality(lanes) > 0 LOOP
            share := left_over / cardinality(lanes);
            more := left_over % cardinality(lanes);
            still_open := '{}';
            FOR i IN 1 .. cardinality(lanes) LOOP
                wanted := share + (i <= more)::integer;
                SELECT least(wanted, min(l.most)) INTO room
                FROM unnest(limit_low, limit_high, limit_most) AS l (low, high, most)
                WHERE lanes[i] & line_part BETWEEN l.low AND l.high;
                got := 0;
                IF room > 0 THEN
                    SELECT coalesce(array_agg(f.shard), '{}'), coalesce(array_agg(f.id), '{}'),
                        coalesce(array_agg(f.deadline), '{}')
                    INTO got_shards, got_ids, got_deadlines
                    FROM ripstop_take_of_line(
                        lanes[i], after_deadlines[i], after_ids[i], room, low_shard, high_shard
                    ) AS f;
                    got := cardinality(got_ids);
                    RETURN QUERY SELECT * FROM unnest(got_shards, got_ids);
                END IF;
                IF got > 0 THEN
                    left_over := left_over - got;
                    after_deadlines[i] := got_deadlines[got];
                    after_ids[i] := got_ids[got];
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
    END LOOP;
END $$;

-- Locks and names the next calls of a line, after a deadline and id.
CREATE FUNCTION ripstop_take_of_line(
    of_lane bigint, after_deadline bigint, after_id bigint, most integer, low_shard smallint, high_shard smallint
) RETURNS TABLE (shard smallint, id bigint, deadline bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    IF low_shard <= 0 AND high_shard >= 1024 THEN
        -- SCATTER: all shards are wanted.
        RETURN QUERY
        SELECT c.shard, c.id, c.deadline FROM calls AS c
        WHERE c.state = 1 AND c.lane = of_lane AND (c.deadline, c.id) > (after_deadline, after_id)
        ORDER BY c.lane, c.deadline, c.id LIMIT most FOR UPDATE SKIP LOCKED;
    ELSE
        RETURN QUERY
        SELECT c.shard, c.id, c.deadline
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
            SELECT c.shard, c.id, c.deadline FROM calls AS c
            WHERE c.shard = f.shard AND c.id = f.id AND c.state + 0 = 1
            OFFSET 0 FOR UPDATE SKIP LOCKED
        ) AS c;
    END IF;
END $$;

-- What processes of the version before ask for.
CREATE OR REPLACE FUNCTION ripstop_ready(classes smallint[], most integer, low_shard smallint, high_shard smallint)
RETURNS TABLE (shard smallint, id bigint) LANGUAGE sql VOLATILE AS $$
    SELECT t.shard, t.id FROM ripstop_take(classes, most, low_shard, high_shard, '{}', '{}', '{}') AS t
$$;
