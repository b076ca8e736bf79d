-- The path for which a pointer file was to be written, which holds the checkpoint whatever that is called later; NULL:
-- none was. If no pointer is there any more, nothing holds it.
ALTER TABLE checkpoint ADD COLUMN pointer_path TEXT;
