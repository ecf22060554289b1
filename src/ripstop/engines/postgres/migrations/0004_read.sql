-- Reads that are more than one statement.

-- The newest entries over many lists. Lists are opened from the one with the newest order downwards, in bites that
-- double, and none is opened whose newest order lies below the last entry of a full page. Bounds are inclusive.
-- A list that is not counted is opened first, since nothing is known of it.
CREATE FUNCTION ripstop_merge_lists(
    list_shard smallint[], list_source bigint[], list_type integer, is_counted boolean,
    low_place bigint, low_target bigint, high_place bigint, high_target bigint,
    most integer, budget integer, flag_mask integer, flag_match integer,
    OUT sources bigint[], OUT targets bigint[], OUT places bigint[], OUT flag_sets integer[], OUT texts text[],
    OUT complete boolean
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    shards smallint[];
    lists bigint[];
    newest bigint[];
    opened integer := 0;
    bite integer := 4;
    following integer;
BEGIN
    sources := '{}'; targets := '{}'; places := '{}'; flag_sets := '{}'; texts := '{}';
    IF is_counted THEN
        SELECT array_agg(n.shard ORDER BY n.newest DESC), array_agg(n.source ORDER BY n.newest DESC),
            array_agg(n.newest ORDER BY n.newest DESC)
        INTO shards, lists, newest
        FROM (
            SELECT l.shard, l.source, CASE WHEN count(*) = count(c.newest) THEN max(c.newest) ELSE (
                SELECT a.place FROM associations AS a
                WHERE a.shard = l.shard AND a.source = l.source AND a.type = list_type
                ORDER BY a.place DESC LIMIT 1
            ) END AS newest
            FROM unnest(list_shard, list_source) AS l (shard, source), LATERAL (
                SELECT c.length, c.newest FROM counts AS c
                WHERE c.shard = l.shard AND c.source = l.source AND c.type = list_type OFFSET 0
            ) AS c
            GROUP BY l.shard, l.source
            HAVING sum(c.length) > 0
        ) AS n
        WHERE n.newest >= low_place;
    ELSE
        shards := list_shard; lists := list_source; newest := array_fill(high_place, ARRAY[cardinality(list_source)]);
    END IF;
    WHILE opened < coalesce(cardinality(lists), 0) LOOP
        IF cardinality(places) >= most AND newest[opened + 1] < places[most] THEN
            EXIT;
        END IF;
        IF opened >= budget THEN
            complete := false;
            RETURN;
        END IF;
        following := least(opened + bite, budget, cardinality(lists));
        SELECT coalesce(array_agg(e.source ORDER BY e.place DESC, e.target DESC), '{}'),
            coalesce(array_agg(e.target ORDER BY e.place DESC, e.target DESC), '{}'),
            coalesce(array_agg(e.place ORDER BY e.place DESC, e.target DESC), '{}'),
            coalesce(array_agg(e.flags ORDER BY e.place DESC, e.target DESC), '{}'),
            coalesce(array_agg(e.data ORDER BY e.place DESC, e.target DESC), '{}')
        INTO sources, targets, places, flag_sets, texts
        FROM (
            SELECT * FROM unnest(sources, targets, places, flag_sets, texts) AS had (source, target, place, flags, data)
            UNION ALL
            SELECT a.* FROM unnest(shards[opened + 1 : following], lists[opened + 1 : following]) AS l (shard, source),
                LATERAL (
                    SELECT a.source, a.target, a.place, a.flags, a.data FROM associations AS a
                    WHERE a.shard = l.shard AND a.source = l.source AND a.type = list_type
                        AND (a.place, a.target) >= (low_place, low_target)
                        AND (a.place, a.target) <= (high_place, high_target)
                        AND a.flags & flag_mask = flag_match
                    ORDER BY a.place DESC, a.target DESC LIMIT most
                ) AS a
            ORDER BY 3 DESC, 2 DESC LIMIT most
        ) AS e;
        opened := following;
        bite := bite * 2;
        IF cardinality(places) >= most THEN
            low_place := places[most];
            low_target := targets[most];
        END IF;
    END LOOP;
    complete := true;
END $$;
