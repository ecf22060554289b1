-- What `ripstop_commit` calls to write the rows that came of its judgement, one function for each kind.

-- `state`, `loaded` and `old_place` go by the number of the association; link_assoc is that number, or 0 where a
-- later operation of the group has overtaken this one. `guards` are associations that must not be there: a row that
-- is put and taken away again makes everybody else who would put it wait for the end of this transaction.
CREATE FUNCTION ripstop_write_associations(
    stripe smallint, state bigint[], loaded bigint[], old_place bigint[], linked_before boolean, unlinked boolean,
    guards integer[],
    assoc_shard smallint[], assoc_source bigint[], assoc_type integer[], assoc_target bigint[],
    assoc_inverse integer[], assoc_inverse_shard smallint[], assoc_mode smallint[],
    link_assoc integer[], link_order bigint[], link_flags integer[], link_data text[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
    IF linked_before THEN
        -- The rows of both halves are found by their old place.
        UPDATE associations AS a SET place = h.new_place, flags = h.flags, data = h.data
        FROM (
            SELECT assoc_shard[l.n] AS shard, assoc_source[l.n] AS source, assoc_type[l.n] AS type,
                old_place[l.n] AS place, assoc_target[l.n] AS target, l.place AS new_place, l.flags, l.data
            FROM unnest(link_assoc, link_order, link_flags, link_data) AS l (n, place, flags, data)
            WHERE l.n > 0 AND loaded[l.n] = 1
            UNION ALL
            SELECT assoc_inverse_shard[l.n], assoc_target[l.n], assoc_inverse[l.n],
                old_place[l.n], assoc_source[l.n], l.place, l.flags, l.data
            FROM unnest(link_assoc, link_order, link_flags, link_data) AS l (n, place, flags, data)
            WHERE l.n > 0 AND loaded[l.n] = 1 AND assoc_inverse[l.n] <> 0
        ) AS h, LATERAL (
            SELECT r.ctid AS found FROM associations AS r
            WHERE r.shard = h.shard AND r.source = h.source AND r.type = h.type AND r.place = h.place
                AND r.target = h.target
            OFFSET 0
        ) AS r
        WHERE a.ctid = r.found;
    END IF;
    IF unlinked THEN
        DELETE FROM associations AS a
        USING (
            SELECT k.shard, k.source, k.type, old_place[k.n] AS place, k.target
            FROM unnest(assoc_shard, assoc_source, assoc_type, assoc_target)
                WITH ORDINALITY AS k (shard, source, type, target, n)
            WHERE loaded[k.n] = 1 AND state[k.n] = 0
            UNION ALL
            SELECT k.shard, k.target, k.inverse, old_place[k.n], k.source
            FROM unnest(assoc_inverse_shard, assoc_source, assoc_inverse, assoc_target)
                WITH ORDINALITY AS k (shard, source, inverse, target, n)
            WHERE loaded[k.n] = 1 AND state[k.n] = 0 AND k.inverse <> 0
        ) AS h, LATERAL (
            SELECT r.ctid AS found FROM associations AS r
            WHERE r.shard = h.shard AND r.source = h.source AND r.type = h.type AND r.place = h.place
                AND r.target = h.target
            OFFSET 0
        ) AS r
        WHERE a.ctid = r.found;
    END IF;
    INSERT INTO associations (shard, source, type, place, target, flags, keyed, data)
    SELECT h.shard, h.source, h.type, h.place, h.target, h.flags, h.keyed, h.data
    FROM (
        SELECT assoc_shard[l.n] AS shard, assoc_source[l.n] AS source, assoc_type[l.n] AS type,
            l.place, assoc_target[l.n] AS target, l.flags, true AS keyed, l.data
        FROM unnest(link_assoc, link_order, link_flags, link_data) AS l (n, place, flags, data)
        WHERE l.n > 0 AND loaded[l.n] = 0
        UNION ALL
        SELECT assoc_inverse_shard[l.n], assoc_target[l.n], assoc_inverse[l.n],
            l.place, assoc_source[l.n], l.flags, assoc_mode[l.n] & 16 > 0, l.data
        FROM unnest(link_assoc, link_order, link_flags, link_data) AS l (n, place, flags, data)
        WHERE l.n > 0 AND loaded[l.n] = 0 AND assoc_inverse[l.n] <> 0
        UNION ALL
        SELECT assoc_shard[g.n], assoc_source[g.n], assoc_type[g.n], 0, assoc_target[g.n], -1, true, NULL
        FROM unnest(guards) AS g (n)
    ) AS h
    ORDER BY h.shard, h.source, h.type, h.target;
    IF cardinality(guards) > 0 THEN
        DELETE FROM associations AS a
        USING unnest(guards) AS g (n), LATERAL (
            SELECT r.ctid AS found FROM associations AS r
            WHERE r.shard = assoc_shard[g.n] AND r.source = assoc_source[g.n] AND r.type = assoc_type[g.n]
                AND r.place = 0 AND r.target = assoc_target[g.n] AND r.flags = -1
            OFFSET 0
        ) AS r
        WHERE a.ctid = r.found;
    END IF;

    -- All that one count moves by, at once. An exact count's newest order rises here and falls below.
    INSERT INTO counts AS c (shard, source, type, stripe, length, newest)
    SELECT h.shard, h.source, h.type, CASE WHEN h.striped THEN stripe ELSE 0 END,
        sum(h.delta), CASE WHEN h.striped THEN NULL ELSE max(h.place) END
    FROM (
        SELECT assoc_shard[d.n] AS shard, assoc_source[d.n] AS source, assoc_type[d.n] AS type,
            assoc_mode[d.n] & 2 > 0 AS striped, d.delta, d.place
        FROM (
            SELECT l.n, 1 - loaded[l.n], l.place FROM unnest(link_assoc, link_order) AS l (n, place) WHERE l.n > 0
            UNION ALL
            SELECT k.n, -1, -1 FROM unnest(state) WITH ORDINALITY AS k (now, n)
            WHERE unlinked AND k.now = 0 AND loaded[k.n] = 1
        ) AS d (n, delta, place)
        WHERE assoc_mode[d.n] & 3 > 0
        UNION ALL
        SELECT assoc_inverse_shard[d.n], assoc_target[d.n], assoc_inverse[d.n],
            assoc_mode[d.n] & 8 > 0, d.delta, d.place
        FROM (
            SELECT l.n, 1 - loaded[l.n], l.place FROM unnest(link_assoc, link_order) AS l (n, place) WHERE l.n > 0
            UNION ALL
            SELECT k.n, -1, -1 FROM unnest(state) WITH ORDINALITY AS k (now, n)
            WHERE unlinked AND k.now = 0 AND loaded[k.n] = 1
        ) AS d (n, delta, place)
        WHERE assoc_mode[d.n] & 12 > 0
    ) AS h
    GROUP BY h.shard, h.source, h.type, h.striped
    HAVING sum(h.delta) <> 0 OR NOT h.striped
    ORDER BY h.shard, h.source, h.type
    ON CONFLICT (shard, source, type, stripe) DO UPDATE
    SET length = c.length + excluded.length, newest = greatest(c.newest, excluded.newest)
    WHERE excluded.length <> 0 OR excluded.newest > c.newest;
    IF linked_before THEN
        -- NOTE: a statement of its own: its snapshot is taken once the counts are locked, and shows the lists as
        -- everybody has left them who had the lock before.
        UPDATE counts AS c SET newest = coalesce((
            SELECT a.place FROM associations AS a
            WHERE a.shard = c.shard AND a.source = c.source AND a.type = c.type
            ORDER BY a.place DESC LIMIT 1
        ), -1)
        FROM (
            SELECT h.shard, h.source, h.type, max(h.place) AS place
            FROM unnest(assoc_shard, assoc_source, assoc_type, assoc_target, assoc_inverse_shard, assoc_inverse,
                    old_place, assoc_mode)
                WITH ORDINALITY AS k (shard, source, type, target, inverse_shard, inverse, place, mode, n),
                LATERAL (
                    VALUES (k.shard, k.source, k.type, k.place, k.mode & 1),
                        (k.inverse_shard, k.target, k.inverse, k.place, k.mode & 4)
                ) AS h (shard, source, type, place, exact)
            WHERE loaded[k.n] = 1 AND h.exact > 0
            GROUP BY 1, 2, 3
        ) AS h, LATERAL (
            SELECT r.ctid AS found FROM counts AS r
            WHERE r.shard = h.shard AND r.source = h.source AND r.type = h.type AND r.stripe = 0
                AND r.newest <= h.place
            OFFSET 0
        ) AS r
        WHERE c.ctid = r.found;
    END IF;
END $$;

-- All go by the number of the name. `row_there` is 0 for names that have a row, and -1 for others; `claim` is NULL for
-- a name that stays as it is, 0 for one that becomes free, -1 for one that must stay so (see `guards` above).
CREATE FUNCTION ripstop_write_names(
    name_shard smallint[], name_text text[], row_there bigint[], claim bigint[], ends bigint[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    DELETE FROM names AS n
    USING unnest(name_shard, name_text, row_there, claim) AS k (shard, name, there, claim), LATERAL (
        SELECT r.ctid AS found FROM names AS r
        WHERE r.shard = k.shard AND r.name = k.name AND k.there = 0 AND k.claim >= 0 OFFSET 0
    ) AS r
    WHERE n.ctid = r.found;
    INSERT INTO names (shard, name, holder, expires)
    SELECT k.shard, k.name, greatest(k.claim, 0), k.ends
    FROM unnest(name_shard, name_text, claim, ends) AS k (shard, name, claim, ends)
    WHERE k.claim <> 0
    ORDER BY k.shard, k.name COLLATE "C";
    IF -1 = ANY (claim) THEN
        DELETE FROM names AS n USING unnest(name_shard, name_text, claim) AS k (shard, name, claim), LATERAL (
            SELECT r.ctid AS found FROM names AS r WHERE r.shard = k.shard AND r.name = k.name AND k.claim = -1 OFFSET 0
        ) AS r
        WHERE n.ctid = r.found;
    END IF;
END $$;

-- end_kind: 0 done, 1 again, 2 dead. `holds` is false where the operation was refused, or a later one of the group
-- has overtaken it. One statement, so that the backlog moves by what really changed.
CREATE FUNCTION ripstop_write_calls(
    now_ms bigint, stripe smallint,
    end_holds boolean[], end_was_dead boolean[], end_shard smallint[], end_id bigint[], end_kind smallint[],
    end_due bigint[], end_attempt integer[], end_checkpoint text[], end_error text[],
    enqueue_holds boolean[], enqueue_shard smallint[], enqueue_id bigint[], enqueue_function text[],
    enqueue_arguments text[], enqueue_due bigint[], enqueue_deadline bigint[], enqueue_criticality smallint[],
    enqueue_key text[]
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    WITH enqueued AS (
        INSERT INTO calls (shard, id, state, criticality, due, deadline, function, key, arguments)
        SELECT e.shard, e.id, CASE WHEN e.due <= now_ms THEN 1 ELSE 0 END, e.criticality, e.due, e.deadline,
            e.function, e.key, e.arguments
        FROM unnest(enqueue_holds, enqueue_shard, enqueue_id, enqueue_function, enqueue_arguments, enqueue_due,
                enqueue_deadline, enqueue_criticality, enqueue_key)
            AS e (holds, shard, id, function, arguments, due, deadline, criticality, key)
        WHERE e.holds
        RETURNING function, state
    ), done AS (
        DELETE FROM calls AS c
        USING unnest(end_holds, end_was_dead, end_shard, end_id, end_kind) AS e (holds, was_dead, shard, id, kind),
            LATERAL (
                SELECT r.ctid AS found FROM calls AS r
                WHERE r.shard = e.shard AND r.id = e.id AND e.holds AND e.kind = 0 OFFSET 0
            ) AS r
        WHERE c.ctid = r.found
        RETURNING c.function, e.was_dead
    ), kept AS (
        UPDATE calls AS c SET
            state = CASE WHEN e.kind = 2 THEN 3 WHEN e.due <= now_ms THEN 1 ELSE 0 END,
            due = CASE WHEN e.kind = 1 THEN e.due ELSE c.due END,
            attempt = CASE WHEN e.kind = 1 THEN e.attempt ELSE c.attempt END,
            checkpoint = CASE WHEN e.kind = 1 THEN e.checkpoint ELSE c.checkpoint END,
            error = e.error,
            lease_until = NULL,
            dead_ms = CASE WHEN e.kind = 2 THEN now_ms END
        FROM unnest(end_holds, end_was_dead, end_shard, end_id, end_kind, end_due, end_attempt, end_checkpoint,
                end_error)
            AS e (holds, was_dead, shard, id, kind, due, attempt, checkpoint, error),
            LATERAL (
                SELECT r.ctid AS found FROM calls AS r
                WHERE r.shard = e.shard AND r.id = e.id AND e.holds AND e.kind > 0 OFFSET 0
            ) AS r
        WHERE c.ctid = r.found
        RETURNING c.function, c.state, e.was_dead
    )
    INSERT INTO call_counts AS c (shard, function, waiting, ready, leased, dead)
    SELECT stripe, m.function, sum(m.waiting), sum(m.ready), sum(m.leased), sum(m.dead)
    FROM (
        SELECT function, (state = 0)::int, (state = 1)::int, 0, 0 FROM enqueued
        UNION ALL
        SELECT function, 0, 0, -(NOT was_dead)::int, -was_dead::int FROM done
        UNION ALL
        SELECT function, (state = 0)::int, (state = 1)::int, -(NOT was_dead)::int, (state = 3)::int - was_dead::int
        FROM kept
    ) AS m (function, waiting, ready, leased, dead)
    GROUP BY m.function
    ORDER BY m.function
    ON CONFLICT (shard, function) DO UPDATE SET waiting = c.waiting + excluded.waiting,
        ready = c.ready + excluded.ready, leased = c.leased + excluded.leased, dead = c.dead + excluded.dead;
END $$;
