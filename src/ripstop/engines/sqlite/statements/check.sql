-- snapshot: Let all that follows see one moment.
BEGIN;

-- snapshot_end: Let go of it.
ROLLBACK;

-- objects: Objects whose data are not a JSON object, or whose version is none.
SELECT id, type, version FROM objects
WHERE deleted IS NULL AND (version < 1 OR CASE WHEN json_valid(data) THEN json_type(data) <> 'object' ELSE true END);

-- types: Lists of types that the schema does not know.
SELECT type, count(*) FROM edges WHERE type NOT IN carray(?) GROUP BY type;

-- counts_wrong: Counts of counted types that differ from their rows, or are missing.
SELECT e.source, e.type, coalesce(c.length, 0), coalesce(c.newest, -1), e.length, e.newest
FROM (SELECT source, type, count(*) AS length, max(ord) AS newest FROM edges WHERE type IN carray(?)
      GROUP BY source, type) e
LEFT JOIN counts c ON c.source = e.source AND c.type = e.type
WHERE c.length IS NOT e.length OR c.newest IS NOT e.newest;

-- counts_empty: Counts of lists that have no row, or of types that are not counted.
SELECT source, type, length FROM counts c
WHERE type NOT IN carray(?)
    OR NOT EXISTS (SELECT 1 FROM edges e WHERE e.source = c.source AND e.type = c.type);

-- inverses_make: Say which type each one's other half has. Goes with the transaction.
CREATE TEMP TABLE inverses (type INTEGER PRIMARY KEY, inverse INTEGER NOT NULL);

-- inverses_put: Add one of them.
INSERT INTO temp.inverses (type, inverse) VALUES (?, ?);

-- halves: Rows without their equal other half: of all types in one scan, since there is no index by types.
SELECT e.source, e.type, e.target, e.ord FROM edges e
CROSS JOIN temp.inverses t ON t.type = e.type
LEFT JOIN edges i ON i.source = e.target AND i.type = t.inverse AND i.ord = e.ord AND i.target = e.source
WHERE i.source IS NULL OR i.flags IS NOT e.flags OR i.data IS NOT e.data;

-- keys_missing: Rows of keyed types whose key is not there or names another order.
SELECT e.source, e.type, e.target, e.ord FROM edges e
LEFT JOIN edge_keys k ON k.source = e.source AND k.type = e.type AND k.target = e.target
WHERE e.type IN carray(?) AND k.ord IS NOT e.ord;

-- keys_lost: Keys without a row of a list, or of types that are not keyed.
SELECT k.source, k.type, k.target, k.ord FROM edge_keys k
WHERE k.type NOT IN carray(?) OR NOT EXISTS (
    SELECT 1 FROM edges e WHERE e.source = k.source AND e.type = k.type AND e.ord = k.ord AND e.target = k.target);

-- call_counts: Functions whose kept numbers of calls differ from their calls.
SELECT function, sum(waiting), sum(ready), sum(leased), sum(dead) FROM (
    SELECT function, waiting, ready, leased, dead FROM call_counts
    UNION ALL
    SELECT function, -(state = 0), -(state = 1), -(state = 2), -(state = 3) FROM calls
)
GROUP BY function HAVING sum(waiting) <> 0 OR sum(ready) <> 0 OR sum(leased) <> 0 OR sum(dead) <> 0;

-- calls: Calls in no known state, or not sorted as their state asks.
SELECT id, state, lane, rank, token FROM calls
WHERE state NOT IN (0, 1, 2, 3)
    OR lane <> iif(state = 1, call_lane(criticality, function, namespace), 0)
    OR (state = 0 AND rank <> due)
    OR (state = 1 AND rank <> deadline)
    OR (state = 2 AND token < 1);

-- entries_lost: Entries of no list.
SELECT list, count(*) FROM entries WHERE list NOT IN (SELECT list FROM lists) GROUP BY list;
