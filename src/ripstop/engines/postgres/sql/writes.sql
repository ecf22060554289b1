-- commit: A whole group of batches; see migrations/0008_calls_of_lines.sql.
SELECT changed, refused FROM ripstop_commit(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
    $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46,
    $47, $48, $49, $50, $51, $52, $53
);

-- lease: Renews, promotes and takes calls; see migrations/0008_calls_of_lines.sql.
SELECT id, token, function, arguments, checkpoint, attempt, due, deadline, criticality, key, lease_until, namespace, parent, lost
FROM ripstop_lease($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- wake: Tells workers that there are calls.
-- SCATTER: reads no table.
SELECT pg_notify('ripstop_calls', '');
