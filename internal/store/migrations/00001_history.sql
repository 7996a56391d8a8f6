-- +goose Up
CREATE TABLE transfers (
  id        INTEGER PRIMARY KEY AUTOINCREMENT, -- grows in the order in which transfers ended
  direction TEXT    NOT NULL CHECK (direction IN ('sent', 'received')),
  device    TEXT    NOT NULL, -- ID of the other side
  name      TEXT    NOT NULL, -- of the other side, at that time
  address   TEXT    NOT NULL,
  began     INTEGER NOT NULL, -- ms since 1970
  seconds   REAL    NOT NULL,
  bytes     INTEGER NOT NULL,
  fetched   INTEGER NOT NULL,
  all_files INTEGER NOT NULL,
  streams   INTEGER NOT NULL,
  rate      REAL    NOT NULL, -- bytes a second
  result    TEXT    NOT NULL, -- a code of the table of errors, or "done"
  message   TEXT    NOT NULL,
  out       TEXT    NOT NULL, -- the folder
  names     TEXT    NOT NULL, -- some of the first parts of the paths, a JSON array
  more      INTEGER NOT NULL  -- so many more of these
);
CREATE INDEX transfers_began ON transfers (began);

CREATE TABLE files (
  transfer INTEGER NOT NULL REFERENCES transfers (id) ON DELETE CASCADE,
  number   INTEGER NOT NULL,
  path     TEXT    NOT NULL,
  size     INTEGER NOT NULL,
  blake3   BLOB,              -- null for a folder, and for what did not arrive
  failure  TEXT    NOT NULL,  -- why it did not arrive
  PRIMARY KEY (transfer, number)
) WITHOUT ROWID;

CREATE TABLE devices (
  id           TEXT    PRIMARY KEY,
  name         TEXT    NOT NULL,
  first_seen   INTEGER NOT NULL, -- ms since 1970
  last_seen    INTEGER NOT NULL,
  last_address TEXT    NOT NULL,
  last_rate    REAL    NOT NULL  -- bytes a second
) WITHOUT ROWID;

CREATE TABLE streams (
  device  TEXT    NOT NULL,
  link    TEXT    NOT NULL, -- the interface of this machine
  count   INTEGER NOT NULL CHECK (count BETWEEN 1 AND 32),
  rate    REAL    NOT NULL, -- bytes a second
  learned INTEGER NOT NULL, -- ms since 1970
  PRIMARY KEY (device, link)
) WITHOUT ROWID;

-- What is searched of a transfer, folded. It stands by itself: what is too short
-- for the index is looked for in all of it.
CREATE TABLE words (
  transfer INTEGER PRIMARY KEY REFERENCES transfers (id) ON DELETE CASCADE,
  words    TEXT    NOT NULL
);

-- Three characters and more are found by their trigrams. The index has no copy
-- of the text.
CREATE VIRTUAL TABLE search USING fts5 (words, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1');

-- +goose StatementBegin
CREATE TRIGGER words_come AFTER INSERT ON words BEGIN
  INSERT INTO search (rowid, words) VALUES (new.transfer, new.words);
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER words_go AFTER DELETE ON words BEGIN
  DELETE FROM search WHERE rowid = old.transfer;
END;
-- +goose StatementEnd
