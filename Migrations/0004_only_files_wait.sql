-- Only what has a file waits at 0 for a sweep: blobs with a file of their own, and packs. Manifests, tensors, storages
-- and the blobs in packs go with the line that takes the last reference.
DELETE FROM manifest_lists WHERE manifest_id IN (SELECT id FROM manifest WHERE refs = 0);
DELETE FROM manifest WHERE refs = 0;
DELETE FROM tensor WHERE refs = 0;
DELETE FROM storage WHERE refs = 0;
DELETE FROM blob WHERE refs = 0 AND pack_id IS NOT NULL;
DROP INDEX manifest_unreferenced;
DROP INDEX tensor_unreferenced;
DROP INDEX storage_unreferenced;

-- SQLite makes a table of its own for the list of an IN in a CHECK, for each row that is inserted.
CREATE TABLE new_blob (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  size INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  crc32 INTEGER NOT NULL,
  place INTEGER NOT NULL CHECK (place BETWEEN 0 AND 2),
  pack_id INTEGER REFERENCES pack (id) CHECK ((place = 2) = (pack_id IS NOT NULL)),
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0)
) STRICT;

INSERT INTO new_blob (id, digest, size, stored, crc32, place, pack_id, refs)
  SELECT id, digest, size, stored, crc32, place, pack_id, refs FROM blob;
DROP TABLE blob;
ALTER TABLE new_blob RENAME TO blob;
CREATE INDEX blob_unreferenced ON blob (id) WHERE refs = 0;
CREATE INDEX blob_pack ON blob (pack_id) WHERE pack_id IS NOT NULL;
