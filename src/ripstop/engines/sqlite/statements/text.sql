-- indexes: The text indexes that the file has.
SELECT name, shape FROM indexes;

-- index_note: Say that an index exists.
INSERT INTO indexes (name, shape) VALUES (?, '');

-- index_make: Make the table of one index; the filters are whole tokens of a column of their own.
CREATE VIRTUAL TABLE text_index USING fts5 (
    body, filters, ord UNINDEXED,
    content = '', contentless_delete = 1, contentless_unindexed = 1,
    tokenize = 'unicode61 remove_diacritics 2'
);

-- index_tuned: How many of our settings an index has.
SELECT count(*) FROM text_index_config WHERE (k, v) IN (VALUES ('automerge', 2), ('crisismerge', 4));

-- index_tune: Let segments be few, since a query looks for each of its words in all of them: a write merges wherever
-- there are two of a size, and does not let four come together.
INSERT INTO text_index (text_index, rank) VALUES ('automerge', 2), ('crisismerge', 4);

-- shape_get: How the orders of an index relate to its ids.
SELECT shape FROM indexes WHERE name = ?;

-- shape_set: Change how the orders of an index relate to its ids.
UPDATE indexes SET shape = ? WHERE name = ?;

-- document_drop: Remove a document.
DELETE FROM text_index WHERE rowid = ?;

-- document_put: Add a document.
INSERT INTO text_index (rowid, body, filters, ord) VALUES (?, ?, ?, ?);

-- query_by_id: Documents that match, highest ids first; ?1: whether these are their orders, which are all 0 otherwise.
SELECT rowid, iif(?1, rowid, 0) FROM text_index WHERE text_index MATCH ?2 ORDER BY rowid DESC LIMIT ?3;

-- query_by_order: Documents that match, highest orders first.
SELECT rowid, ord FROM text_index WHERE text_index MATCH ? ORDER BY ord DESC, rowid DESC LIMIT ?;

-- all_by_id: All documents, highest ids first; ?1 as above.
SELECT rowid, iif(?1, rowid, 0) FROM text_index ORDER BY rowid DESC LIMIT ?2;

-- all_by_order: All documents, highest orders first.
SELECT rowid, ord FROM text_index ORDER BY ord DESC, rowid DESC LIMIT ?;
