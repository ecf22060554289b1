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

-- shape_get: How the orders of an index relate to its ids.
SELECT shape FROM indexes WHERE name = ?;

-- shape_set: Change how the orders of an index relate to its ids.
UPDATE indexes SET shape = ? WHERE name = ?;

-- document_drop: Remove a document.
DELETE FROM text_index WHERE rowid = ?;

-- document_put: Add a document.
INSERT INTO text_index (rowid, body, filters, ord) VALUES (?, ?, ?, ?);

-- query_by_id: Documents that match, highest ids first.
SELECT rowid, ord FROM text_index WHERE text_index MATCH ? ORDER BY rowid DESC LIMIT ?;

-- query_by_order: Documents that match, highest orders first.
SELECT rowid, ord FROM text_index WHERE text_index MATCH ? ORDER BY ord DESC, rowid DESC LIMIT ?;

-- all_by_id: All documents, highest ids first.
SELECT rowid, ord FROM text_index ORDER BY rowid DESC LIMIT ?;

-- all_by_order: All documents, highest orders first.
SELECT rowid, ord FROM text_index ORDER BY ord DESC, rowid DESC LIMIT ?;
