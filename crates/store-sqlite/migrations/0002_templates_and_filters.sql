-- Session templates, and what lists are filtered by.

CREATE TABLE templates (
    uuid         TEXT NOT NULL PRIMARY KEY,
    project      TEXT NOT NULL,
    location     TEXT NOT NULL,
    id           TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    description  TEXT NOT NULL,
    display_name TEXT NOT NULL,
    creator      TEXT NOT NULL,
    kernel       TEXT,
    document     TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX templates_by_name ON templates (project, location, id);
CREATE INDEX templates_newest_first ON templates (project, location, created_at DESC, id);

CREATE TABLE template_labels (
    uuid  TEXT NOT NULL REFERENCES templates (uuid) ON DELETE CASCADE,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (uuid, key)
) STRICT, WITHOUT ROWID;

-- The labels of sessions. A row carries what lists sort by and most often ask for besides, so that a list by label
-- is read off one index in its order.
CREATE TABLE session_labels (
    uuid       TEXT NOT NULL REFERENCES sessions (uuid) ON DELETE CASCADE,
    key        TEXT NOT NULL,
    value      TEXT NOT NULL,
    project    TEXT NOT NULL,
    location   TEXT NOT NULL,
    created_at TEXT NOT NULL,
    id         TEXT NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (uuid, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_labels_newest_first
    ON session_labels (project, location, key, value, created_at DESC, id, state);

INSERT INTO session_labels (uuid, key, value, project, location, created_at, id, state)
    SELECT s.uuid, label.key, label.value, s.project, s.location, s.created_at, s.id, s.state
    FROM sessions AS s, json_each(s.document, '$.config.labels') AS label;

-- Those with all that most filters ask for: rows are looked at only when they are shown.
DROP INDEX sessions_newest_first;
CREATE INDEX sessions_newest_first ON sessions (project, location, created_at DESC, id, state, uuid);
CREATE INDEX sessions_by_state ON sessions (project, location, state, created_at DESC, id, uuid);

ALTER TABLE operations ADD COLUMN kind TEXT GENERATED ALWAYS AS (json_extract(document, '$.kind')) VIRTUAL;
ALTER TABLE operations ADD COLUMN session TEXT GENERATED ALWAYS AS (json_extract(document, '$.session')) VIRTUAL;

DROP INDEX operations_newest_first;
CREATE INDEX operations_newest_first ON operations (project, location, created_at DESC, id, done_at, kind, session);
CREATE INDEX operations_by_session ON operations (project, location, session, created_at DESC, id, done_at, kind);
