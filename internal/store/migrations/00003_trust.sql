-- +goose Up
ALTER TABLE devices ADD COLUMN alias     TEXT    NOT NULL DEFAULT ''; -- what this machine's user calls it
ALTER TABLE devices ADD COLUMN trusted   INTEGER NOT NULL DEFAULT 0;  -- since, ms since 1970; 0: it is not
ALTER TABLE devices ADD COLUMN rule      TEXT    NOT NULL DEFAULT 'ask' CHECK (rule IN ('ask', 'size', 'always'));
ALTER TABLE devices ADD COLUMN max_bytes INTEGER NOT NULL DEFAULT 0;  -- of the rule 'size'
ALTER TABLE devices ADD COLUMN folder    TEXT    NOT NULL DEFAULT ''; -- that its files go to by the rule
