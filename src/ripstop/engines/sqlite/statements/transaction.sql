-- begin: Take the write lock of the file.
BEGIN IMMEDIATE;

-- commit: End the group.
COMMIT;

-- rollback: Undo the group.
ROLLBACK;

-- savepoint: Begin a part that may be undone.
SAVEPOINT part;

-- savepoint_release: End a part.
RELEASE part;

-- savepoint_undo: Undo a part.
ROLLBACK TO part;
