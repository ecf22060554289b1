-- session_types: The array types that statements take, named so that the client learns them in one go.
-- SCATTER: reads no table.
SELECT $1::smallint[], $2::integer[], $3::bigint[], $4::text[], $5::bytea[];

-- session_settings: Settings of this connection, until its end.
-- SCATTER: reads no table.
SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS s (name, value);

-- session_state: Whether writes are taken: in recovery, read-only by setting.
-- SCATTER: reads no table.
SELECT pg_is_in_recovery() AS in_recovery, current_setting('default_transaction_read_only')::boolean AS read_only;

-- statement_milliseconds: Let the statements of this transaction take so long.
-- SCATTER: reads no table.
SELECT set_config('statement_timeout', $1, true);
