-- migrations_table: Make the table of schema versions.
CREATE TABLE IF NOT EXISTS migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied INTEGER NOT NULL
) STRICT;

-- migrations_done: The steps that were applied to this file.
SELECT version FROM migrations;

-- migrations_note: Say that a step was applied.
INSERT INTO migrations (version, name, applied) VALUES (?, ?, ?);
