-- Associations whose order only rises, and checks of the order in which one stands: op_check 4 and op_effect 7 are new.
-- Everything else is as in 0008_calls_of_lines.sql; processes of the version before send neither.

-- Parameters ending in _op name the operations, counted over the group from 1, to which the row belongs.
-- op_check: 0 none, 1 the state equals op_want, 2 the state is positive, 3 the state is op_want or minus op_want,
-- 4 an association that is there, in the order op_want.
-- absent_op: operations after which something may have to stay absent until the end of the transaction: checks that
-- it is, and deletes that may not find it.
-- op_effect: 0 none, 1 set to op_give, 2 add one, 3 set to op_give if positive, 4 set to op_give if zero,
-- 5 set to op_give, which changes nothing that is counted unless the state was zero, 6 as 1, and the key of the
-- call in this slot is taken again, 7 as 5, unless the association is there in an order that is as high as op_want.
-- op_want of what puts an association is its order.
-- assoc_mode, bits: 1 forward list exact, 2 forward list striped, 4 and 8 the same for the inverse list, 16 inverse
-- half keyed. assoc_inverse is 0 where there is none.
-- Answers with what each operation changed, and for each batch the operation that refused it (0: none).
CREATE OR REPLACE FUNCTION ripstop_commit(
    batch_end integer[], op_slot integer[], op_check smallint[], op_want bigint[], op_effect smallint[],
    op_give bigint[], slots integer, absent_op integer[],
    object_shard smallint[], object_id bigint[],
    put_op integer[], put_type integer[], put_data text[],
    patch_op integer[], patch_data text[],
    assoc_shard smallint[], assoc_source bigint[], assoc_type integer[], assoc_target bigint[],
    assoc_inverse integer[], assoc_inverse_shard smallint[], assoc_mode smallint[],
    link_op integer[], link_order bigint[], link_flags integer[], link_data text[],
    name_shard smallint[], name_text text[],
    claim_op integer[], claim_expires bigint[],
    call_shard smallint[], call_id bigint[],
    end_op integer[], end_kind smallint[], end_due bigint[], end_attempt integer[], end_checkpoint text[],
    end_error text[],
    key_shard smallint[], key_function text[], key_text text[],
    enqueue_op integer[], enqueue_shard smallint[], enqueue_id bigint[], enqueue_function text[],
    enqueue_arguments text[], enqueue_due bigint[], enqueue_deadline bigint[], enqueue_criticality smallint[],
    enqueue_key text[], enqueue_lane bigint[], enqueue_namespace text[], enqueue_parent bigint[],
    OUT changed smallint[], OUT refused integer[]
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_ms bigint := ripstop_now();
    stripe smallint := floor(random() * 16);
    objects_n integer := cardinality(object_id);
    assocs_n integer := cardinality(assoc_source);
    names_n integer := cardinality(name_text);
    calls_n integer := cardinality(call_id);
    keys_n integer := cardinality(key_text);
    assocs_at integer := objects_n;
    names_at integer := assocs_at + assocs_n;
    calls_at integer := names_at + names_n;
    keys_at integer := calls_at + calls_n;
    operations integer := cardinality(op_slot);
    state bigint[] := array_fill(0::bigint, ARRAY[slots]);
    loaded bigint[];                                            -- the states as they were found
    old_place bigint[] := array_fill(-1::bigint, ARRAY[slots]); -- an association's order; 0 where a name has a row
    order_now bigint[];                                         -- the orders of associations as they become
    setter integer[] := array_fill(0, ARRAY[slots]);            -- the operation that last set the state
    peer integer[];                                             -- the slot of the key of a call that is ended
    undo_state bigint[] := array_fill(0::bigint, ARRAY[operations]);
    undo_setter integer[] := array_fill(-1, ARRAY[operations]);
    undo_order bigint[] := array_fill(-1::bigint, ARRAY[operations]);
    undo_peer bigint[];
    deleted boolean := false;       -- an object
    unlinked boolean := false;      -- an association
    linked_before boolean := false; -- some association was there
    claim bigint[];                 -- new holders of names; see ripstop_write_names
    ends bigint[];
    guards integer[] := '{}';       -- slots that were found empty, must be, and stay so
    s integer; i integer; b integer; was bigint; effect smallint; first integer := 1; found bigint; place bigint;
BEGIN
    changed := array_fill(0::smallint, ARRAY[operations]);
    refused := array_fill(0, ARRAY[cardinality(batch_end)]);

    -- Lock what is there, and load it.
    IF keys_n > 0 THEN
        -- A key that no unstarted call has is locked as well, so that two groups cannot both add one.
        PERFORM pg_advisory_xact_lock(k.hash) FROM (
            SELECT DISTINCT hashtextextended(u.function || chr(31) || u.key, u.shard) AS hash
            FROM unnest(key_shard, key_function, key_text) AS u (shard, function, key) ORDER BY 1
        ) AS k;
    END IF;
    IF objects_n > 0 THEN
        FOR s, found IN
            SELECT k.slot, o.version
            FROM (
                SELECT * FROM unnest(object_shard, object_id) WITH ORDINALITY AS u (shard, id, slot)
                ORDER BY u.shard, u.id
            ) AS k, LATERAL (
                SELECT CASE WHEN o.data IS NULL THEN -1 ELSE o.version END AS version
                FROM objects AS o WHERE o.shard = k.shard AND o.id = k.id
                OFFSET 0 FOR NO KEY UPDATE
            ) AS o
        LOOP
            state[s] := found;
        END LOOP;
    END IF;
    IF assocs_n > 0 THEN
        FOR s, place IN
            SELECT assocs_at + k.slot, a.place
            FROM (
                SELECT * FROM unnest(assoc_shard, assoc_source, assoc_type, assoc_target)
                    WITH ORDINALITY AS u (shard, source, type, target, slot)
                ORDER BY u.shard, u.source, u.type, u.target
            ) AS k, LATERAL (
                SELECT a.place FROM associations AS a
                WHERE a.shard = k.shard AND a.source = k.source AND a.type = k.type AND a.target = k.target AND a.keyed
                OFFSET 0 FOR UPDATE
            ) AS a
        LOOP
            state[s] := 1;
            old_place[s] := place;
            linked_before := true;
        END LOOP;
    END IF;
    IF names_n > 0 THEN
        FOR s, found IN
            SELECT names_at + k.slot, n.holder
            FROM (
                SELECT * FROM unnest(name_shard, name_text) WITH ORDINALITY AS u (shard, name, slot)
                ORDER BY u.shard, u.name COLLATE "C"
            ) AS k, LATERAL (
                SELECT CASE WHEN n.expires <= now_ms THEN 0 ELSE n.holder END AS holder
                FROM names AS n WHERE n.shard = k.shard AND n.name = k.name
                OFFSET 0 FOR UPDATE
            ) AS n
        LOOP
            state[s] := found;
            old_place[s] := 0;
        END LOOP;
    END IF;
    IF calls_n > 0 THEN
        FOR s, found IN
            SELECT calls_at + k.slot, c.token
            FROM (
                SELECT * FROM unnest(call_shard, call_id) WITH ORDINALITY AS u (shard, id, slot)
                ORDER BY u.shard, u.id
            ) AS k, LATERAL (
                SELECT CASE c.state WHEN 2 THEN c.token WHEN 3 THEN -c.token ELSE 0 END AS token
                FROM calls AS c WHERE c.shard = k.shard AND c.id = k.id
                OFFSET 0 FOR UPDATE
            ) AS c
        LOOP
            state[s] := found;
        END LOOP;
    END IF;
    IF keys_n > 0 THEN
        -- The lock keeps the call from being taken before this group is committed, which it must see.
        FOR s IN
            SELECT keys_at + k.slot
            FROM (
                SELECT * FROM unnest(key_shard, key_function, key_text)
                    WITH ORDINALITY AS u (shard, function, key, slot)
                ORDER BY u.shard, u.function COLLATE "C", u.key COLLATE "C"
            ) AS k, LATERAL (
                SELECT FROM calls AS c
                WHERE c.shard = k.shard AND c.function = k.function AND c.key = k.key AND c.state / 2 = 0
                OFFSET 0 FOR SHARE
            ) AS c
        LOOP
            state[s] := 1;
        END LOOP;
        IF calls_n > 0 THEN
            peer := array_fill(0, ARRAY[slots]);
            undo_peer := array_fill(0::bigint, ARRAY[operations]);
            FOR s, i IN
                SELECT c.slots[p.left_place], keys_at + p.right_place
                FROM (
                    SELECT array_agg(e.slot) AS slots, array_agg(c.shard) AS shards,
                        array_agg(c.function) AS functions, array_agg(c.key) AS keys
                    FROM (
                        SELECT op_slot[u.op] AS slot, call_shard[op_slot[u.op] - calls_at] AS shard,
                            call_id[op_slot[u.op] - calls_at] AS id
                        FROM unnest(end_op, end_kind) AS u (op, kind) WHERE u.kind = 1
                    ) AS e, LATERAL (
                        SELECT c.shard, c.function, c.key FROM calls AS c
                        WHERE c.shard = e.shard AND c.id = e.id OFFSET 0
                    ) AS c
                ) AS c, ripstop_equal_keys(
                    c.shards, c.functions, c.keys, key_shard, key_function, key_text
                ) AS p
            LOOP
                peer[s] := i;
            END LOOP;
        END IF;
    END IF;
    loaded := state;
    order_now := old_place;

    -- A name that is claimed until a time that has passed is as good as given up.
    FOR i IN SELECT u.op FROM unnest(claim_op, claim_expires) AS u (op, expires) WHERE u.expires <= now_ms LOOP
        op_give[i] := 0;
    END LOOP;

    -- Judge.
    FOR b IN 1 .. cardinality(batch_end) LOOP
        FOR i IN first .. batch_end[b] LOOP
            s := op_slot[i];
            was := state[s];
            IF (CASE op_check[i] WHEN 0 THEN false WHEN 1 THEN was <> op_want[i] WHEN 2 THEN was <= 0
                WHEN 3 THEN abs(was) <> op_want[i] ELSE was <= 0 OR order_now[s] <> op_want[i] END)
            THEN
                refused[b] := i;
                EXIT;
            END IF;
            effect := op_effect[i];
            CONTINUE WHEN effect = 0 OR effect = 3 AND was <= 0 OR effect = 4 AND was > 0
                OR effect = 7 AND was > 0 AND order_now[s] >= op_want[i];
            undo_state[i] := was;
            undo_setter[i] := setter[s];
            state[s] := CASE effect WHEN 2 THEN was + 1 ELSE op_give[i] END;
            setter[s] := i;
            IF effect NOT IN (5, 7) OR was = 0 THEN
                changed[i] := 1;
            END IF;
            IF effect IN (4, 5, 7) THEN
                undo_order[i] := order_now[s];
                order_now[s] := op_want[i];
            ELSIF effect = 3 THEN
                deleted := deleted OR s <= objects_n;
                unlinked := unlinked OR s > objects_n;
            ELSIF effect = 6 AND peer IS NOT NULL AND peer[s] > 0 THEN
                undo_peer[i] := state[peer[s]];
                state[peer[s]] := 1;
            END IF;
        END LOOP;
        IF refused[b] > 0 THEN
            FOR i IN REVERSE refused[b] - 1 .. first LOOP
                CONTINUE WHEN undo_setter[i] < 0;
                s := op_slot[i];
                IF op_effect[i] = 6 AND peer IS NOT NULL AND peer[s] > 0 THEN
                    state[peer[s]] := undo_peer[i];
                END IF;
                IF op_effect[i] IN (4, 5, 7) THEN
                    order_now[s] := undo_order[i];
                END IF;
                state[s] := undo_state[i];
                setter[s] := undo_setter[i];
                changed[i] := 0;
            END LOOP;
        END IF;
        first := batch_end[b] + 1;
    END LOOP;

    -- Write what came of it: objects,
    IF cardinality(put_op) > 0 THEN
        INSERT INTO objects (shard, id, type, version, data)
        SELECT object_shard[op_slot[p.op]], object_id[op_slot[p.op]], p.type, 1, p.data
        FROM unnest(put_op, put_type, put_data) AS p (op, type, data)
        WHERE changed[p.op] = 1
        ORDER BY 1, 2;
    END IF;
    IF cardinality(patch_op) > 0 THEN
        UPDATE objects AS o SET version = o.version + cardinality(p.patches), data = ripstop_merge(o.data, p.patches)
        FROM (
            SELECT op_slot[u.op] AS slot, array_agg(u.data ORDER BY u.op) AS patches
            FROM unnest(patch_op, patch_data) AS u (op, data)
            WHERE changed[u.op] = 1
            GROUP BY 1
        ) AS p, LATERAL (
            SELECT r.ctid AS found FROM objects AS r WHERE r.shard = object_shard[p.slot] AND r.id = object_id[p.slot]
            OFFSET 0
        ) AS r
        WHERE o.ctid = r.found;
    END IF;
    IF deleted THEN
        UPDATE objects AS o SET data = NULL, deleted_ms = now_ms
        FROM unnest(object_shard, object_id) WITH ORDINALITY AS k (shard, id, slot), LATERAL (
            SELECT r.ctid AS found FROM objects AS r
            WHERE r.shard = k.shard AND r.id = k.id AND r.data IS NOT NULL AND state[k.slot] = -1
            OFFSET 0
        ) AS r
        WHERE o.ctid = r.found;
    END IF;

    -- associations with their counts, names, calls with theirs,
    IF cardinality(absent_op) > 0 THEN
        guards := ARRAY(
            SELECT DISTINCT op_slot[u.op] FROM unnest(absent_op) AS u (op)
            WHERE loaded[op_slot[u.op]] = 0 AND state[op_slot[u.op]] = 0
        );
    END IF;
    IF cardinality(link_op) > 0 OR unlinked OR assocs_n > 0 AND cardinality(guards) > 0 THEN
        PERFORM ripstop_write_associations(
            stripe, state[assocs_at + 1 : names_at], loaded[assocs_at + 1 : names_at],
            old_place[assocs_at + 1 : names_at], linked_before, unlinked,
            ARRAY(SELECT g - assocs_at FROM unnest(guards) AS g WHERE g > assocs_at AND g <= names_at),
            assoc_shard, assoc_source, assoc_type, assoc_target, assoc_inverse, assoc_inverse_shard, assoc_mode,
            ARRAY(SELECT CASE WHEN setter[op_slot[op]] = op THEN op_slot[op] - assocs_at ELSE 0 END
                  FROM unnest(link_op) AS op),
            link_order, link_flags, link_data
        );
    END IF;
    IF names_n > 0 THEN
        claim := array_fill(NULL::bigint, ARRAY[names_n]);
        ends := claim;
        FOR i, place IN SELECT u.op, u.expires FROM unnest(claim_op, claim_expires) AS u (op, expires) LOOP
            IF setter[op_slot[i]] = i THEN
                claim[op_slot[i] - names_at] := op_give[i];
                ends[op_slot[i] - names_at] := place;
            END IF;
        END LOOP;
        FOREACH i IN ARRAY guards LOOP
            IF i > names_at AND old_place[i] < 0 THEN
                claim[i - names_at] := -1;
            END IF;
        END LOOP;
        PERFORM ripstop_write_names(name_shard, name_text, old_place[names_at + 1 : calls_at], claim, ends);
    END IF;
    IF cardinality(enqueue_op) > 0 OR cardinality(end_op) > 0 THEN
        PERFORM ripstop_write_calls(
            now_ms, stripe,
            ARRAY(SELECT setter[op_slot[op]] = op FROM unnest(end_op) AS op),
            ARRAY(SELECT loaded[op_slot[op]] < 0 FROM unnest(end_op) AS op),
            ARRAY(SELECT call_shard[op_slot[op] - calls_at] FROM unnest(end_op) AS op),
            ARRAY(SELECT call_id[op_slot[op] - calls_at] FROM unnest(end_op) AS op),
            end_kind, end_due, end_attempt, end_checkpoint, end_error,
            ARRAY(SELECT changed[op] = 1 FROM unnest(enqueue_op) AS op),
            enqueue_shard, enqueue_id, enqueue_function, enqueue_arguments, enqueue_due, enqueue_deadline,
            enqueue_criticality, enqueue_key, enqueue_lane, enqueue_namespace, enqueue_parent
        );
    END IF;

    -- and the change log.
    IF objects_n > 0 OR assocs_n > 0 THEN
        INSERT INTO changes (at_ms, ids, sources, types)
        SELECT now_ms, o.ids, a.sources, a.types
        FROM (
            SELECT coalesce(array_agg(k.id), '{}') AS ids
            FROM unnest(object_id) WITH ORDINALITY AS k (id, slot)
            WHERE setter[k.slot] > 0
        ) AS o, (
            SELECT coalesce(array_agg(l.source), '{}') AS sources, coalesce(array_agg(l.type), '{}') AS types
            FROM (
                SELECT DISTINCT h.source, h.type
                FROM unnest(assoc_source, assoc_type, assoc_target, assoc_inverse)
                    WITH ORDINALITY AS k (source, type, target, inverse, slot),
                    LATERAL (VALUES (k.source, k.type), (k.target, k.inverse)) AS h (source, type)
                WHERE setter[assocs_at + k.slot] > 0 AND h.type <> 0
            ) AS l
        ) AS a
        WHERE o.ids <> '{}' OR a.sources <> '{}';
    END IF;
END $$;
