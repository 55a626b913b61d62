-- What sessions used that are removed. A row is written in the transaction that removes its session.

CREATE TABLE removed_usage (
    uuid     TEXT NOT NULL PRIMARY KEY,
    project  TEXT NOT NULL,
    location TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX removed_usage_by_end ON removed_usage (ended_at, uuid);
