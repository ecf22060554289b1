-- commit: A whole group of batches; see migrations/0009_rising.sql.
SELECT changed, refused FROM ripstop_commit(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
    $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46,
    $47, $48, $49, $50, $51, $52, $53
);

-- put_calls: New calls that need no judging; the counts come last, so that their locks are short.
WITH counted AS (
    INSERT INTO call_counts AS c (shard, function, waiting, ready, leased, dead)
    SELECT $7, f.function, 0, f.calls, 0, 0 FROM unnest($8::text[], $9::bigint[]) AS f (function, calls)
    ON CONFLICT (shard, function) DO UPDATE SET ready = c.ready + excluded.ready
)
INSERT INTO calls (shard, id, state, criticality, due, deadline, function, arguments, lane, namespace)
SELECT (e.id >> 12) & 1023, e.id, 1, e.lane >> 61, 0, e.deadline, e.function, e.arguments, e.lane, e.namespace
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[])
    AS e (id, lane, function, arguments, deadline, namespace);

-- end_calls: Ends of leased calls that need no judging; answers with those that have ended.
-- What is asked of a call as it is found is asked of the row that is deleted too, which may have been changed since.
WITH done AS (
    DELETE FROM calls AS c
    USING unnest($1::bigint[], $2::bigint[]) AS e (id, token), LATERAL (
        SELECT r.ctid AS found FROM calls AS r
        WHERE r.shard = ((e.id >> 12) & 1023)::smallint AND r.id = e.id AND r.state + 0 = 2 AND r.token = e.token
        OFFSET 0
    ) AS r
    WHERE c.ctid = r.found AND c.state + 0 = 2 AND c.token = e.token
    RETURNING c.id, c.function
), counted AS (
    INSERT INTO call_counts AS c (shard, function, waiting, ready, leased, dead)
    SELECT $3, d.function, 0, 0, -count(*), 0 FROM done AS d GROUP BY d.function ORDER BY d.function
    ON CONFLICT (shard, function) DO UPDATE SET leased = c.leased + excluded.leased
)
SELECT coalesce(array_agg(d.id), '{}') AS ended FROM done AS d;

-- lease: Renews, promotes and takes calls; see migrations/0011_leases_by_place.sql.
SELECT id, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, lease_until, namespace, parent, lost
FROM ripstop_lease($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- wake: Tells workers that there are calls.
-- SCATTER: reads no table.
SELECT pg_notify('ripstop_calls', '');
