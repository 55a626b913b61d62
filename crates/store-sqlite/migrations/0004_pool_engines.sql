-- Engines that are started ahead, until a session takes them.

CREATE TABLE pool_engines (
    id         TEXT    NOT NULL PRIMARY KEY,
    made_at    TEXT    NOT NULL,
    generation INTEGER NOT NULL CHECK (generation > 0),
    document   TEXT    NOT NULL
) STRICT;

CREATE INDEX pool_engines_oldest_first ON pool_engines (made_at, id);
