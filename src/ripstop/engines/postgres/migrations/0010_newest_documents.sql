-- Documents of a text index, the newest first. Words that many documents have are found by looking at the newest
-- documents, until there are enough with them; others by the index of words, which has to take every document that
-- holds them and sort.

CREATE INDEX text_documents_newest ON text_documents (text_index, place DESC, id DESC);

-- Documents that hold all words (NULL: there are none) and all filters, newest first. The first 500 documents tell
-- whether 20,000 are likely to be enough, which cost 10 ms; so no words cost much more than that or, if they are in
-- less than every 500th document, than to fetch the documents that hold them.
-- Whatever the planner knows of the words, it can neither choose to pass over all documents nor to sort them.
CREATE FUNCTION ripstop_text_query(name text, wanted tsquery, held text[], most integer)
RETURNS TABLE (document_id bigint, document_place bigint)
LANGUAGE plpgsql STABLE SET enable_sort = off AS $$
DECLARE
    ids bigint[];
    places bigint[];
BEGIN
    -- SCATTER: the newest documents lie in all shards.
    SELECT array_agg(n.id), array_agg(n.place) INTO ids, places FROM (
        SELECT n.id, n.place FROM (
            SELECT d.id, d.place, d.words, d.filters FROM text_documents AS d WHERE d.text_index = name
            ORDER BY d.place DESC, d.id DESC LIMIT 500
        ) AS n
        WHERE (wanted IS NULL OR n.words @@ wanted) AND n.filters @> held LIMIT most
    ) AS n;
    IF cardinality(ids) < most AND cardinality(ids) * 40 >= most THEN
        -- SCATTER: the newest documents lie in all shards.
        SELECT array_agg(n.id), array_agg(n.place) INTO ids, places FROM (
            SELECT n.id, n.place FROM (
                SELECT d.id, d.place, d.words, d.filters FROM text_documents AS d WHERE d.text_index = name
                ORDER BY d.place DESC, d.id DESC LIMIT 20000
            ) AS n
            WHERE (wanted IS NULL OR n.words @@ wanted) AND n.filters @> held LIMIT most
        ) AS n;
    END IF;
    IF cardinality(ids) = most THEN
        RETURN QUERY SELECT * FROM unnest(ids, places);
    ELSIF wanted IS NULL THEN
        -- SCATTER: filters lie in all shards.
        RETURN QUERY SELECT a.id, a.place FROM (
            SELECT d.id, d.place FROM text_documents AS d WHERE d.filters @> held OFFSET 0
        ) AS a ORDER BY a.place DESC, a.id DESC LIMIT most;
    ELSE
        -- SCATTER: words lie in all shards.
        RETURN QUERY SELECT a.id, a.place FROM (
            SELECT d.id, d.place FROM text_documents AS d WHERE d.words @@ wanted AND d.filters @> held OFFSET 0
        ) AS a ORDER BY a.place DESC, a.id DESC LIMIT most;
    END IF;
END $$;
