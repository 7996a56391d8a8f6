-- +goose Up
CREATE TABLE account ( -- who may use the page: one at most
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  name TEXT    NOT NULL,
  hash TEXT    NOT NULL, -- of the password, in the form of PHC
  made INTEGER NOT NULL  -- ms since 1970
);

CREATE TABLE sessions ( -- of browsers that are signed in
  token  TEXT    PRIMARY KEY, -- a hash of it
  data   BLOB    NOT NULL,
  expiry INTEGER NOT NULL     -- ms since 1970
) WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (expiry);
