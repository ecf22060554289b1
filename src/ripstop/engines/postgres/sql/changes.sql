-- changes: What groups changed whose transactions are at or beyond a cursor, with the bounds of this very moment.
-- SCATTER: the change log is one for the whole store.
SELECT pg_snapshot_xmin(s.now)::text::bigint, pg_snapshot_xmax(s.now)::text::bigint, t.transaction,
    c.transaction, c.ids, c.sources, c.types
FROM (SELECT pg_current_snapshot() AS now) AS s
CROSS JOIN changes_trimmed AS t
LEFT JOIN (
    SELECT transaction, ids, sources, types FROM changes WHERE transaction >= $1 ORDER BY transaction LIMIT $2
) AS c ON true;
