-- The way back: which manifests list a tensor or a storage, which storages have a blob, which tensors have a name. All
-- of it follows from the lists of manifests and storages whose counts are above 0, and is changed where the counts are.
--
-- And tables laid out so that a save into a large index changes few pages of it: what is new has the highest ids, and
-- comes last in every index but that of the blobs' digests.

-- A manifest's lists in a table of their own: ten thousand manifests are read without them in a few milliseconds.
CREATE TABLE manifest_lists (
  manifest_id INTEGER PRIMARY KEY REFERENCES manifest (id) ON DELETE CASCADE,
  tensors BLOB NOT NULL,
  storages BLOB NOT NULL
) STRICT;

INSERT INTO manifest_lists SELECT id, tensors, storages FROM manifest;
ALTER TABLE manifest DROP COLUMN tensors;
ALTER TABLE manifest DROP COLUMN storages;
-- The bytes of its storages, each once.
ALTER TABLE manifest ADD COLUMN storage_bytes INTEGER NOT NULL DEFAULT 0;
-- A file without storages is looked for by its size.
CREATE INDEX manifest_size ON manifest (size);

-- first_blob: the first of the list, 0 if it is empty. Packed lists have no order that means anything; by this number
-- the newest storages come last.
CREATE TABLE new_storage (
  id INTEGER PRIMARY KEY,
  first_blob INTEGER NOT NULL DEFAULT 0,
  blobs BLOB NOT NULL,
  size INTEGER NOT NULL,
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0),
  UNIQUE (first_blob, blobs)
) STRICT;

INSERT INTO new_storage (id, blobs, size, refs) SELECT id, blobs, size, refs FROM storage;
DROP TABLE storage;
ALTER TABLE new_storage RENAME TO storage;
CREATE INDEX storage_unreferenced ON storage (id) WHERE refs = 0;

-- manifests: the newest ids of the manifests that list the tensor, ascending, as a packed list of at most 64; those
-- before them lie in tensor_manifests. A tensor at 0 has none.
CREATE TABLE new_tensor (
  id INTEGER PRIMARY KEY,
  name_id INTEGER NOT NULL REFERENCES tensor_name (id),
  storage_id INTEGER NOT NULL REFERENCES storage (id),
  type_id INTEGER NOT NULL REFERENCES tensor_type (id),
  byte_offset INTEGER NOT NULL,
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0),
  manifests BLOB NOT NULL DEFAULT x'',
  UNIQUE (storage_id, name_id, type_id, byte_offset)
) STRICT;

INSERT INTO new_tensor (id, name_id, storage_id, type_id, byte_offset, refs)
  SELECT id, name_id, storage_id, type_id, byte_offset, refs FROM tensor;
DROP TABLE tensor;
ALTER TABLE new_tensor RENAME TO tensor;
CREATE INDEX tensor_unreferenced ON tensor (id) WHERE refs = 0;

-- The newest tensors of a name, as tensor.manifests is; those before them lie in name_tensors. A tensor at 0 is in
-- neither.
ALTER TABLE tensor_name ADD COLUMN tensors BLOB NOT NULL DEFAULT x'';

-- Lists in pieces, so that a piece stays small however long the list is: no id in a piece is below its first, and all
-- are below that of the next piece.
CREATE TABLE tensor_manifests (
  tensor_id INTEGER NOT NULL REFERENCES tensor (id),
  first INTEGER NOT NULL,
  ids BLOB NOT NULL,
  PRIMARY KEY (tensor_id, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE name_tensors (
  name_id INTEGER NOT NULL REFERENCES tensor_name (id),
  first INTEGER NOT NULL,
  ids BLOB NOT NULL,
  PRIMARY KEY (name_id, first)
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

-- The checkpoints that follow one.
CREATE INDEX checkpoint_parent ON checkpoint (parent) WHERE parent IS NOT NULL;
