-- The text indexes that exist; each has an FTS5 table of its own, made when the schema first names it.
-- `shape` says how orders relate to ids: 'id' (order is id), 'zero' (all 0) or 'mixed'. In the first two, the
-- newest documents are those with the highest ids, which FTS5 yields without sorting.

CREATE TABLE indexes (
    name TEXT PRIMARY KEY,
    shape TEXT NOT NULL
) STRICT, WITHOUT ROWID;
