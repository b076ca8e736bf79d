-- The way back: which manifests list a tensor or a storage, which storages have a blob. All of it follows from the lists
-- of manifests and storages whose counts are above 0, and is changed where the counts are.
--
-- manifests: the newest ids of the manifests that list the tensor, ascending, as a packed list of at most 64; those
-- before them lie in tensor_manifests. A tensor at 0 has none.
ALTER TABLE tensor ADD COLUMN manifests BLOB NOT NULL DEFAULT x'';

-- Lists in pieces, so that a piece stays small however long the list is: no id in a piece is below its first, and all
-- are below that of the next piece.
CREATE TABLE tensor_manifests (
  tensor_id INTEGER NOT NULL REFERENCES tensor (id),
  first INTEGER NOT NULL,
  ids BLOB NOT NULL,
  PRIMARY KEY (tensor_id, first)
) STRICT, WITHOUT ROWID;

-- For storages that a manifest lists by themselves, because no tensor names them.
CREATE TABLE storage_manifests (
  storage_id INTEGER NOT NULL REFERENCES storage (id),
  first INTEGER NOT NULL,
  ids BLOB NOT NULL,
  PRIMARY KEY (storage_id, first)
) STRICT, WITHOUT ROWID;

-- For storages of several blobs: one of a single blob is found by its list, which is unique.
CREATE TABLE blob_storages (
  blob_id INTEGER NOT NULL REFERENCES blob (id),
  first INTEGER NOT NULL,
  ids BLOB NOT NULL,
  PRIMARY KEY (blob_id, first)
) STRICT, WITHOUT ROWID;

-- A file without storages is looked for by its size.
CREATE INDEX manifest_size ON manifest (size);
