-- Sessions, operations, request ids, activity and the lease.
--
-- A row is the JSON document of the domain's type, and beside it the columns that queries select and sort by.
-- Times are UTC text of one width, to the nanosecond, so that they sort as text: 2026-01-31T08:15:00.123456789Z.

CREATE TABLE sessions (
    uuid       TEXT    NOT NULL PRIMARY KEY,
    project    TEXT    NOT NULL,
    location   TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    created_at TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    state_at   TEXT    NOT NULL,
    settled    INTEGER NOT NULL CHECK (settled IN (0, 1)),
    deleting   INTEGER NOT NULL CHECK (deleting IN (0, 1)),
    generation INTEGER NOT NULL CHECK (generation > 0),
    document   TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX sessions_by_name ON sessions (project, location, id);
CREATE INDEX sessions_by_id ON sessions (id);
CREATE INDEX sessions_newest_first ON sessions (project, location, created_at DESC, id);
CREATE INDEX sessions_unsettled ON sessions (uuid) WHERE settled = 0;
CREATE INDEX sessions_settled ON sessions (state_at, uuid) WHERE settled = 1;

CREATE TABLE operations (
    id           TEXT NOT NULL PRIMARY KEY,
    project      TEXT NOT NULL,
    location     TEXT NOT NULL,
    session_uuid TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    done_at      TEXT,
    document     TEXT NOT NULL
) STRICT;

CREATE INDEX operations_newest_first ON operations (project, location, created_at DESC, id);
CREATE INDEX operations_finished ON operations (done_at, id) WHERE done_at IS NOT NULL;

CREATE TABLE requests (
    project    TEXT NOT NULL,
    location   TEXT NOT NULL,
    method     TEXT NOT NULL,
    request_id TEXT NOT NULL,
    operation  TEXT NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
    PRIMARY KEY (project, location, method, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX requests_by_operation ON requests (operation);

-- When sessions were last used: apart from their rows, because it changes often and is nothing to compare-and-swap.
CREATE TABLE activity (
    uuid    TEXT NOT NULL PRIMARY KEY REFERENCES sessions (uuid) ON DELETE CASCADE,
    used_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row at most.
CREATE TABLE lease (
    one        INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    holder     TEXT    NOT NULL,
    fence      INTEGER NOT NULL CHECK (fence > 0),
    expires_at TEXT    NOT NULL
) STRICT;
