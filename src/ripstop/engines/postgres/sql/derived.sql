-- values_get: Values that have not ended.
SELECT v.key, v.value
FROM unnest($2::smallint[], $3::text[]) AS k (shard, key), LATERAL (
    SELECT * FROM keyspace_values AS v WHERE v.shard = k.shard AND v.keyspace = $1 AND v.key = k.key OFFSET 0
) AS v
WHERE v.ends IS NULL OR v.ends > (SELECT ripstop_now());

-- counters_get: Counters that have not ended.
SELECT c.key, c.value
FROM unnest($2::smallint[], $3::text[]) AS k (shard, key), LATERAL (
    SELECT * FROM keyspace_counters AS c WHERE c.shard = k.shard AND c.keyspace = $1 AND c.key = k.key OFFSET 0
) AS c
WHERE c.ends IS NULL OR c.ends > (SELECT ripstop_now());

-- values_put: Set values, which end after so many milliseconds (or never).
INSERT INTO keyspace_values (shard, keyspace, key, value, ends)
SELECT k.shard, $1, k.key, k.value, ripstop_now() + $5::bigint
FROM unnest($2::smallint[], $3::text[], $4::bytea[]) AS k (shard, key, value)
ORDER BY k.shard, k.key COLLATE "C"
ON CONFLICT (shard, keyspace, key) DO UPDATE SET value = excluded.value, ends = excluded.ends;

-- values_remove: Remove values.
SELECT ripstop_values_remove($1, $2, $3);

-- counters_add: Add to counters; one that has ended begins at 0 again.
INSERT INTO keyspace_counters AS c (shard, keyspace, key, value, ends)
SELECT k.shard, $1, k.key, k.delta, ripstop_now() + $5::bigint
FROM unnest($2::smallint[], $3::text[], $4::bigint[]) AS k (shard, key, delta)
ORDER BY k.shard, k.key COLLATE "C"
ON CONFLICT (shard, keyspace, key) DO UPDATE SET
    value = CASE WHEN c.ends <= (SELECT ripstop_now()) THEN 0 ELSE c.value END + excluded.value, ends = excluded.ends
RETURNING c.key, c.value;

-- list_range_newest: A list's floor, and its entries between two inclusive places, the highest place first.
SELECT l.floor, e.place, e.member
FROM keyspace_lists AS l
LEFT JOIN LATERAL (
    SELECT e.place, e.member FROM keyspace_entries AS e
    WHERE e.shard = l.shard AND e.keyspace = l.keyspace AND e.key = l.key
        AND (e.place, e.member) >= ($4, $5) AND (e.place, e.member) <= ($6, $7)
    ORDER BY e.place DESC, e.member DESC LIMIT $8
) AS e ON true
WHERE l.shard = $1 AND l.keyspace = $2 AND l.key = $3 AND (l.ends IS NULL OR l.ends > (SELECT ripstop_now()));

-- list_range_oldest: A list's floor, and its entries between two inclusive places, the lowest place first.
SELECT l.floor, e.place, e.member
FROM keyspace_lists AS l
LEFT JOIN LATERAL (
    SELECT e.place, e.member FROM keyspace_entries AS e
    WHERE e.shard = l.shard AND e.keyspace = l.keyspace AND e.key = l.key
        AND (e.place, e.member) >= ($4, $5) AND (e.place, e.member) <= ($6, $7)
    ORDER BY e.place, e.member LIMIT $8
) AS e ON true
WHERE l.shard = $1 AND l.keyspace = $2 AND l.key = $3 AND (l.ends IS NULL OR l.ends > (SELECT ripstop_now()));

-- lists_open: Create empty lists; one that has ended begins anew.
SELECT ripstop_lists_open($1, $2, $3, $4, $5);

-- list_add: Add entries to lists that exist.
SELECT ripstop_list_add($1, $2, $3, $4, $5, $6);

-- list_lower: Lower the floor of a list that exists.
UPDATE keyspace_lists SET floor = least(floor, $4), ends = CASE WHEN ends IS NULL THEN NULL ELSE ripstop_now() + $5 END
WHERE shard = $1 AND keyspace = $2 AND key = $3 AND (ends IS NULL OR ends > (SELECT ripstop_now()));

-- lists_touch: Move the end of lists that have not ended.
SELECT ripstop_lists_touch($1, $2, $3, $4);

-- lists_drop: Remove lists with all that they hold.
SELECT ripstop_lists_drop($1, $2, $3, NULL);

-- text_put: Add or replace documents; the words are sorted and distinct.
INSERT INTO text_documents (shard, text_index, id, place, words, filters)
SELECT d.shard, $1, d.id, d.place, d.words::tsvector, ARRAY['=' || $1] || d.filters::text[]
FROM unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[])
    AS d (shard, id, place, words, filters)
ORDER BY d.shard, d.id
ON CONFLICT (shard, text_index, id) DO UPDATE SET place = excluded.place, words = excluded.words,
    filters = excluded.filters;

-- text_remove: Remove documents.
SELECT ripstop_text_remove($1, $2, $3);

-- text_query: Documents that hold all words (or none are asked for) and all filters, newest first.
SELECT document_id, document_place FROM ripstop_text_query($1, nullif($2::text, '')::tsquery, $3, $4);
