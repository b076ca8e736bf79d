-- Whether a pointer file was to be written for the checkpoint: if none is there any more, nothing holds it.
ALTER TABLE checkpoint ADD COLUMN pointer INTEGER NOT NULL DEFAULT 0 CHECK (pointer IN (0, 1));
