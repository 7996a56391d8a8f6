-- +goose Up
CREATE TABLE tasks ( -- transfers of the running node that have not ended
  id      TEXT    PRIMARY KEY,
  created INTEGER NOT NULL, -- ms since 1970
  spec    TEXT    NOT NULL  -- a JSON object: what is needed to go on with it
) WITHOUT ROWID;
