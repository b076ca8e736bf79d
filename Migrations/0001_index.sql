-- The index: a cache of what log.jsonl and the manifests say. All of it can be rebuilt from them.
--
-- References are counted one level up: checkpoint -> manifest -> tensor -> storage -> blob -> pack. A count is the
-- number of rows one level up whose own count is above 0, so only a row that appears or falls to 0 touches the level
-- below. Rows at 0 wait for a sweep, which unlinks their files and deletes them.

-- Up to which byte of the log, and which link of its chain, this index has come. main_file says which file, of which
-- time, the database is: an older copy put in its place would be read together with a -wal that is not its own.
CREATE TABLE log_position (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  repository TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  last_line INTEGER NOT NULL,
  chain BLOB NOT NULL,
  main_file TEXT NOT NULL DEFAULT ''
) STRICT;

-- A file of many small blobs.
CREATE TABLE pack (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0)
) STRICT;

CREATE INDEX pack_unreferenced ON pack (id) WHERE refs = 0;

-- place: 0 a file of its own, as it is; 1 a file of its own, zstd; 2 in a pack.
CREATE TABLE blob (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
  size INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  place INTEGER NOT NULL CHECK (place IN (0, 1, 2)),
  pack_id INTEGER REFERENCES pack (id) CHECK ((place = 2) = (pack_id IS NOT NULL)),
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0)
) STRICT;

CREATE INDEX blob_unreferenced ON blob (id) WHERE refs = 0;
CREATE INDEX blob_pack ON blob (pack_id) WHERE pack_id IS NOT NULL;

-- blobs: the ids of the storage's blobs in order, as a packed list. It is the storage's identity.
CREATE TABLE storage (
  id INTEGER PRIMARY KEY,
  blobs BLOB NOT NULL UNIQUE,
  size INTEGER NOT NULL,
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0)
) STRICT;

CREATE INDEX storage_unreferenced ON storage (id) WHERE refs = 0;

CREATE TABLE tensor_name (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- shape and strides: JSON arrays, in elements.
CREATE TABLE tensor_type (
  id INTEGER PRIMARY KEY,
  dtype TEXT NOT NULL,
  shape TEXT NOT NULL,
  strides TEXT NOT NULL,
  UNIQUE (dtype, shape, strides)
) STRICT;

-- One row for a tensor that is the same in any number of checkpoints.
CREATE TABLE tensor (
  id INTEGER PRIMARY KEY,
  name_id INTEGER NOT NULL REFERENCES tensor_name (id),
  storage_id INTEGER NOT NULL REFERENCES storage (id),
  type_id INTEGER NOT NULL REFERENCES tensor_type (id),
  byte_offset INTEGER NOT NULL,
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0),
  UNIQUE (name_id, storage_id, type_id, byte_offset)
) STRICT;

CREATE INDEX tensor_storage ON tensor (storage_id);
CREATE INDEX tensor_of_type ON tensor (type_id);
CREATE INDEX tensor_unreferenced ON tensor (id) WHERE refs = 0;

-- tensors, storages: packed lists of ids; storages are those that no tensor names (skeletons, literals).
-- state: 0 whole, 1 some of its blobs are missing, 2 the manifest itself could not be read (its lists are empty).
CREATE TABLE manifest (
  id INTEGER PRIMARY KEY,
  blob_id INTEGER NOT NULL UNIQUE REFERENCES blob (id),
  kind TEXT NOT NULL,
  tensors BLOB NOT NULL,
  storages BLOB NOT NULL,
  tensor_count INTEGER NOT NULL,
  size INTEGER NOT NULL,
  metadata TEXT NOT NULL CHECK (json_valid(metadata)),
  state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
  refs INTEGER NOT NULL DEFAULT 0 CHECK (refs >= 0)
) STRICT;

CREATE INDEX manifest_unreferenced ON manifest (id) WHERE refs = 0;
CREATE INDEX manifest_not_whole ON manifest (state) WHERE state > 0;

-- last_version outlives the versions, so that no number is given twice.
CREATE TABLE path (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  last_version INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE run (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  created TEXT NOT NULL,
  metadata TEXT NOT NULL CHECK (json_valid(metadata))
) STRICT;

CREATE TABLE checkpoint (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL UNIQUE,
  path_id INTEGER NOT NULL REFERENCES path (id),
  version INTEGER NOT NULL,
  manifest_id INTEGER NOT NULL REFERENCES manifest (id),
  run_id INTEGER REFERENCES run (id),
  parent TEXT,
  step INTEGER,
  epoch INTEGER,
  created TEXT NOT NULL,
  host TEXT NOT NULL,
  user TEXT NOT NULL,
  new_bytes INTEGER NOT NULL,
  metadata TEXT NOT NULL CHECK (json_valid(metadata)),
  UNIQUE (path_id, version)
) STRICT;

CREATE INDEX checkpoint_manifest ON checkpoint (manifest_id);
CREATE INDEX checkpoint_run ON checkpoint (run_id, id);
CREATE INDEX checkpoint_created ON checkpoint (created);

CREATE TABLE metric (
  checkpoint_id INTEGER NOT NULL REFERENCES checkpoint (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (checkpoint_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX metric_by_value ON metric (name, value);

CREATE TABLE tag (
  name TEXT PRIMARY KEY,
  checkpoint_id INTEGER NOT NULL REFERENCES checkpoint (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX tag_checkpoint ON tag (checkpoint_id);

-- When what was last checked, by which command.
CREATE TABLE verification (
  kind TEXT PRIMARY KEY,
  finished TEXT NOT NULL,
  problems INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
