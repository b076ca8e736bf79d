/* The C interface of Cairn: what the Python package is built on.
 *
 * STRINGS are UTF-8 and end with a zero byte. One that a function gives belongs to the caller: cairn_free.
 *
 * ERRORS. A function that can fail returns an int32_t: CAIRN_OK, or one of the codes below. It then sets *error, unless
 * error is NULL, to a JSON object {"kind": "notFound", "message": "...", "advice": "..."} that belongs to the caller;
 * after success *error is NULL. Where SQL or an expression of the caller's is wrong, "offset" says at which of its bytes.
 * What a function gives beside that is given only if it succeeds. A NULL where a string or a handle is needed is
 * CAIRN_INVALID, never a crash. Results that the caller does not want may go to NULL, but for handles.
 *
 * HANDLES are opaque, and valid until the call that closes them; closing one twice, or using it afterwards, is the
 * caller's mistake and not noticed. Each may be used from several threads at once. A handle keeps alive what it needs:
 * a repository may be closed before the saves and checkpoints that were begun on it, a checkpoint before its regions.
 *
 * PROCESSES. No lock is held between two calls, so a signal handler that interrupts one save may run another, but not
 * from inside a call on the same thread that has not returned: of these functions only cairn_save_cancel and
 * cairn_cancellation_cancel may be called there. After a fork the child may use the parent's handles, which open
 * connections of their own, unless another thread of the parent was inside a call at that moment. There is no global
 * state but the function for messages.
 *
 * JSON that a function takes is an object, or NULL for an empty one; a member that is null counts as absent, an unknown
 * one is CAIRN_INVALID. In JSON that a function gives, members may be added in later versions. Sizes are in bytes, times
 * in UTC as ISO 8601 with milliseconds, ids 32 and digests 64 hexadecimal digits in lower case.
 *
 * NAMES. A checkpoint is named by its path (the newest version), by path@n (version n), or by a tag.
 */
#ifndef CAIRN_H
#define CAIRN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a function or a code changes its meaning or goes; new ones may come without that. */
#define CAIRN_ABI_VERSION 1

typedef struct cairn_repository cairn_repository;
typedef struct cairn_save cairn_save;
typedef struct cairn_checkpoint cairn_checkpoint;
typedef struct cairn_region cairn_region;
typedef struct cairn_file cairn_file;
typedef struct cairn_cancellation cairn_cancellation;

/* What went wrong; in the error's JSON by the name in quotation marks. */
enum {
  CAIRN_OK = 0,
  CAIRN_NOT_A_REPOSITORY = 1,        /* "notARepository": there is no repository at the path, or another than was meant */
  CAIRN_ALREADY_EXISTS = 2,          /* "alreadyExists": something is where something was to be made */
  CAIRN_NEWER_FORMAT = 3,            /* "newerFormat": a newer Cairn made it */
  CAIRN_DAMAGED = 4,                 /* "damaged": a file is not what was written */
  CAIRN_MISSING = 5,                 /* "missing": a file that is needed is not there */
  CAIRN_NOT_FOUND = 6,               /* "notFound": no such checkpoint, tag, run or storage */
  CAIRN_REMOVED = 7,                 /* "removed": the checkpoint was there, and has been removed */
  CAIRN_INVALID = 8,                 /* "invalid": an argument, name or number that cannot be used */
  CAIRN_READ_ONLY = 9,               /* "readOnly": permissions or a read-only filesystem */
  CAIRN_NO_SPACE = 10,               /* "noSpace": the disk or the quota is full */
  CAIRN_IO = 11,                     /* "io": another failure of the operating system, or of a cairn_read */
  CAIRN_CHANGED = 12,                /* "changed": a file changed while it was being saved */
  CAIRN_UNSUPPORTED_FILESYSTEM = 13, /* "unsupportedFilesystem": its locks are local to one host */
  CAIRN_OUTCOME_OPEN = 14,           /* "outcomeOpen": done or not done: the next call on the repository decides */
  CAIRN_UNTRUSTED = 15,              /* "untrusted": belongs to another user, and is not on the trusted list */
  CAIRN_DIVERGED = 16,               /* "diverged": a backup that is no earlier state of the repository */
  CAIRN_FORMAT = 100,                /* "format": a file or pickle that does not hold to its format */
  CAIRN_STATE = 101,                 /* "state": a state that cannot be kept or loaded in the way asked for */
  CAIRN_CANCELLED = 102,             /* "cancelled": by cairn_save_cancel, and the repository is as before; by
                                        cairn_cancellation_cancel; or a query that reached a limit */
  CAIRN_OTHER = 199                  /* "other": anything else */
};

/* ---- The library ---- */

/* CAIRN_ABI_VERSION as the library was built with: must equal the header's. */
int32_t cairn_abi_version(void);

/* The version of the library, such as "0.1.0"; not to be freed. */
const char *cairn_version(void);

/* Frees what a function gave; nothing for NULL. */
void cairn_free(void *memory);

/* Told what the library has to say while it works (it waits for a lock, it rebuilds the index), on the thread that
 * works. Levels: 0 trace, 1 debug, 2 info, 3 notice, 4 warning, 5 error, 6 critical. The message is valid for the call.
 * The thread may hold the repository's lock: a callback must not call any function that takes a repository, save,
 * checkpoint or file, nor wait for a thread that does; it would wait forever. */
typedef void (*cairn_log_callback)(int32_t level, const char *message);

/* Sets who is told, for the whole process; NULL, as at the start: nobody. A call that has begun may still use the
 * function that was set before. */
void cairn_set_log_callback(cairn_log_callback callback);

/* ---- Stopping what takes long ---- */

/* For functions that take one, which may be NULL: they end with CAIRN_CANCELLED soon after it was cancelled. It may be
 * given to several, one after the other or at once. */
int32_t cairn_cancellation_new(cairn_cancellation **cancellation, char **error);

/* Cancels, for good. From any thread, and from a signal handler. */
void cairn_cancellation_cancel(cairn_cancellation *cancellation);

/* Frees it; nothing for NULL. Not while a function that was given it runs, but for one that holds it already. */
void cairn_cancellation_free(cairn_cancellation *cancellation);

/* ---- Repositories ---- */

/* Makes a repository in the directory path, which may be there if it is empty, and opens it.
 * options: {"journal": "wal" or "delete" (as fits the filesystem), "chunk_size": (8 MiB, a multiple of 64 KiB)} */
int32_t cairn_initialize(const char *path, const char *options, cairn_repository **repository, char **error);

/* Opens the repository in the directory path, or in .cairn in it. Whom it belongs to is not looked at. */
int32_t cairn_open(const char *path, cairn_repository **repository, char **error);

/* The nearest directory called .cairn in directory or above it; *path is NULL if there is none. CAIRN_UNTRUSTED if it
 * belongs to another user and is not listed in ~/.config/cairn/trusted. Whether it is a repository, cairn_open says. */
int32_t cairn_discover(const char *directory, char **path, char **error);

/* CAIRN_UNTRUSTED unless the repository's directory belongs to this user, or is listed as trusted. */
int32_t cairn_require_trust(const char *path, char **error);

/* Closes it; nothing for NULL. */
void cairn_close(cairn_repository *repository);

/* {"id", "path": absolute, "base": the directory that holds .cairn or null, "journal", "chunk_size", "writable"}
 * NULL if there is no memory. */
char *cairn_repository_info(cairn_repository *repository);

/* The name under which a file-system path is kept: relative to base if it lies below it, absolute otherwise. It may be
 * one that a save refuses: one that ends in @ and digits, has control characters, or over 4,096 bytes. */
int32_t cairn_name_for_file(cairn_repository *repository, const char *path, char **name, char **error);

/* ---- Saving ---- */

/* Fills buffer with the length bytes from offset on of a storage. Called while a commit runs, from several threads at
 * once, for at most 64 MiB at a time and mostly for the repository's chunk size; a range may be asked for again.
 * Returns 0; anything else ends the commit with CAIRN_IO. */
typedef int32_t (*cairn_read)(void *context, void *buffer, uint64_t offset, uint64_t length);

/* Begins a save. Nothing happens in the repository before the commit. */
int32_t cairn_save_begin(cairn_repository *repository, cairn_save **save, char **error);

/* Adds a storage whose bytes are in memory. It is read in place, while a commit runs: the memory must stay valid until
 * that has returned, and no longer. What is changed meanwhile is saved with some moment's bytes, under the digest they
 * have. Keys are "0", "1" ... in the order in which storages are added; bytes may be NULL if length is 0. */
int32_t cairn_save_add_storage(cairn_save *save, const char *key, const void *bytes, uint64_t length, char **error);

/* Adds count storages whose bytes are in memory, under the next keys: each as cairn_save_add_storage does, and faster
 * where there are thousands. All or none. */
int32_t cairn_save_add_storages(cairn_save *save, const void *const *bytes, const uint64_t *lengths, uint64_t count,
                                char **error);

/* Adds a storage whose bytes a function gives (a device's memory): for the key see cairn_save_add_storage. */
int32_t cairn_save_add_stream(cairn_save *save, const char *key, uint64_t length, cairn_read read, void *context,
                              char **error);

/* Sets the pickle, as data.pkl in PyTorch's container: its persistent ids are ("storage", class, key, location,
 * number of elements), and their keys those of the storages that were added. It is copied. */
int32_t cairn_save_set_skeleton(cairn_save *save, const void *pickle, uint64_t length, char **error);

/* Saves. When this returns CAIRN_OK the checkpoint survives power loss; otherwise the repository is as before (but see
 * CAIRN_OUTCOME_OPEN), and the commit may be tried again. A save is committed once.
 *
 * request: {"path": the only one that is needed,
 *   "run": name of the run, which begins with its first checkpoint, "run_metadata": {} for a run that begins,
 *   "step", "epoch", "metrics": {name: number, or "NaN", "Infinity", "-Infinity", which are left out with a warning},
 *   "tags": [names that point here from now on], "metadata": {},
 *   "keep_versions": how many versions of the path stay, this one included (all),
 *   "parent": id of the checkpoint it follows (the newest of the path, else of the run),
 *   "replaces": [ids of checkpoints that go with this very commit; unknown ones are ignored, tagged ones stay],
 *   "pointer": true if the caller writes a pointer file for it next: it is marked as held by that (false),
 *   "index_later": true to leave it to whoever comes next to have the index follow, and to free what is replaced: it
 *     returns sooner, and the checkpoint is as durable. cairn_remove_ids of none does just that (false),
 *   "saved_as": absolute path of the file by which a Lightning state knows its own metric}
 * Names of tensors, metadata, and where the request does not give them step, epoch and metrics are read out of the
 * skeleton; if Cairn cannot read that, the save succeeds without them, and a warning says so.
 *
 * report: {"id", "path", "version", "manifest": digest, "size", "new_bytes": those the repository did not have,
 *   "warnings": [text], "repository": its id}
 *
 * CAIRN_INVALID if the skeleton names a storage that was not added, or more bytes than it has. */
int32_t cairn_save_commit(cairn_save *save, const char *request, char **report, char **error);

/* Ends a running or a later commit of this save with CAIRN_CANCELLED, cleanly and soon, unless it is at its last step,
 * which then succeeds. From any thread, and from a signal handler; the handle must not have been aborted. */
void cairn_save_cancel(cairn_save *save);

/* Frees the save, committed or not; nothing for NULL. Not while a commit of it runs: cancel that, and wait. */
void cairn_save_abort(cairn_save *save);

/* Saves a file, or a directory as one checkpoint. request and report: as cairn_save_commit; not "saved_as" (it is the
 * file), but "opaque": true to take the bytes without looking into them. */
int32_t cairn_save_file(cairn_repository *repository, const char *file, const char *request, char **report,
                        char **error);

/* ---- Loading ---- */

/* The checkpoint that a name names: {"id", "name": path@version, "path", "version", "manifest", "kind": "state", "file"
 * or "directory", "state": "whole", "incomplete" or "unreadable", "run", "parent", "step", "epoch", "metrics", "tags",
 * "metadata": as given, "extracted": as read out of it, "created", "host", "user", "size", "new_bytes",
 * "tensor_count", "pointer": whether it was saved for a pointer file}; those that it does not have are null. */
int32_t cairn_resolve(cairn_repository *repository, const char *name, char **record, char **error);

/* The checkpoint with an id, as cairn_resolve gives it; JSON's null if there is none (any more). */
int32_t cairn_find_id(cairn_repository *repository, const char *id, char **record, char **error);

/* Opens a checkpoint. Whichever function then finds a blob of it damaged, where its digest is checked or its file is too
 * short, returns CAIRN_DAMAGED and sets the blob aside, if the repository can be written to: the next save of the same
 * bytes writes them anew. */
int32_t cairn_checkpoint_open(cairn_repository *repository, const char *name, cairn_checkpoint **checkpoint,
                              char **error);

/* Opens a checkpoint by its manifest's digest, with no log and no index: what a pointer does. repository_path is the
 * directory that holds cairn.json, with this id in it. Only regular files are read; nothing is made, written, migrated
 * or opened as a database. Whether the repository is to be trusted is for the caller to ask: cairn_require_trust.
 * Only when a blob turns out to be damaged, in a repository that cairn_require_trust accepts and that this user may
 * write to, it is opened as by cairn_open, to set the blob aside. */
int32_t cairn_checkpoint_open_manifest(const char *repository_path, const char *repository_id, const char *manifest,
                                       cairn_checkpoint **checkpoint, char **error);

/* Closes it; regions stay valid. Nothing for NULL. */
void cairn_checkpoint_close(cairn_checkpoint *checkpoint);

/* {"name", "kind", "manifest", "storages": [{"key", "bytes", "location": "cpu", "cuda:0" ... or null if that is not
 * known}], "tensors": [{"name", "dtype": PyTorch's name without torch., "shape", "strides": in elements,
 * "byte_offset", "storage": a key, or null if it cannot be loaded}], "metadata"}
 * Of files that are no PyTorch container, keys are numbers of their own. */
int32_t cairn_checkpoint_info(cairn_checkpoint *checkpoint, char **info, char **error);

/* The pickle, its digest checked: that of a saved state, or data.pkl of a PyTorch file; a zero byte follows it.
 * CAIRN_INVALID for other files (safetensors), which have none. */
int32_t cairn_checkpoint_skeleton(cairn_checkpoint *checkpoint, void **bytes, uint64_t *length, char **error);

/* A storage in memory: mapped copy-on-write from the blob files, or copied where they cannot be (small, compressed, on
 * a network filesystem, big-endian, too many mappings). Writing to it never reaches the repository, and removing the
 * checkpoint does not take it away. Mapped bytes are not checked against their digests. */
int32_t cairn_checkpoint_map(cairn_checkpoint *checkpoint, const char *key, cairn_region **region, char **error);

/* The keys of the storages, as a JSON array of strings. */
int32_t cairn_checkpoint_keys(cairn_checkpoint *checkpoint, char **keys, char **error);

/* Where a storage is: length bytes from offset on of a region, given by its place among those of one call. */
typedef struct cairn_place {
  uint64_t region;
  uint64_t offset;
  uint64_t length;
} cairn_place;

/* count storages at once, into count places in the order of keys: the largest are mapped first within the process's
 * limit, the rest read on several threads. verify_and_copy: copy all of them, and check their digests. Small ones share
 * regions of up to 1 MiB: regions has room for count, region_count says how many there are, and each is closed once.
 * All or none. */
int32_t cairn_checkpoint_map_all(cairn_checkpoint *checkpoint, const char *const *keys, uint64_t count,
                                 int32_t verify_and_copy, cairn_place *places, cairn_region **regions,
                                 uint64_t *region_count, char **error);

/* Reads length bytes from offset on of a storage into buffer. verify: check the digests of the blobs they lie in.
 * CAIRN_INVALID for a range beyond its end, and for storages of a big-endian file, which only come whole. */
int32_t cairn_checkpoint_read(cairn_checkpoint *checkpoint, const char *key, uint64_t offset, uint64_t length,
                              void *buffer, int32_t verify, char **error);

/* The file that an export would give, without writing it: the file that was saved, or of a state a PyTorch container
 * whose archive has this name. CAIRN_INVALID for a directory. */
int32_t cairn_checkpoint_file(cairn_checkpoint *checkpoint, const char *archive_name, cairn_file **file, char **error);

/* How many bytes it has. */
uint64_t cairn_file_size(cairn_file *file);

/* Reads length bytes from offset on into buffer, and checks the digests of the blobs they lie in. CAIRN_INVALID for a
 * range beyond its end. */
int32_t cairn_file_read(cairn_file *file, uint64_t offset, uint64_t length, void *buffer, char **error);

void cairn_file_close(cairn_file *file);

/* The first byte of a region, aligned to a page; NULL if it has none. Valid until the region is closed. */
void *cairn_region_bytes(cairn_region *region);

/* How many bytes a region has. */
uint64_t cairn_region_length(cairn_region *region);

/* Closes it: its memory is gone. Nothing for NULL. */
void cairn_region_close(cairn_region *region);

/* ---- Querying ---- */

/* In this section and the next, members mean what `cairn COMMAND --help` says of the command's --json; those that there
 * are left out if there is no value are null here. */

/* Checkpoints, newest first, as cairn_resolve gives them, in a JSON array.
 * query: {"paths": [any of these, or path@n], "run": name, "tag": name, "where": an expression, as cairn log takes it,
 *   "sort": key, -key or key:desc (the newest first), "limit": number,
 *   "shared": true for a member "shared_bytes": how many of its bytes its parent has too, null if that is not known} */
int32_t cairn_log(cairn_repository *repository, const char *query, char **records, char **error);

/* Training runs, newest first, in a JSON array: {"id", "name", "created", "last_saved", "checkpoints": how many,
 * "first_step", "last_step", "metrics": {name: {"last", "min", "max"}}, "size", "new_bytes", "metadata"}
 * query: {"limit": number} */
int32_t cairn_runs(cairn_repository *repository, const char *query, char **runs, char **error);

/* All tags by name, in a JSON array: {"tag", "id", "name", "path", "version", "run", "step", "epoch", "metrics",
 * "created", "size"} */
int32_t cairn_tags(cairn_repository *repository, char **tags, char **error);

/* One SELECT of SQLite's over the views that cairn_views lists. It can only read, and comes to an end: the SQL may be
 * anybody's.
 * options: {"arguments": values for its ?, one each, "seconds": of work (60; 0: no limit),
 *   "result_bytes": how much JSON it may give (256 MiB)}
 * result: {"columns": [name], "rows": [[value]]}, all of one state of the index. Columns may have the same name.
 * Values, in rows and arguments: null, integers of 64 bits, exact (true is 1), other numbers, strings (where there was
 *   no UTF-8, U+FFFD), {"blob": hexadecimal digits}, {"real": "Infinity" or "-Infinity"}; an argument {"real": "2.0"} is
 *   no integer, and "NaN" there is null, as SQLite has it.
 * CAIRN_INVALID for SQL that is wrong or does more than read; CAIRN_CANCELLED if it reaches a limit. */
int32_t cairn_query(cairn_repository *repository, const char *sql, const char *options,
                    cairn_cancellation *cancellation, char **result, char **error);

/* The views for cairn_query, in a JSON array: {"name", "description", "columns": [{"name", "description"}]} */
int32_t cairn_views(char **views, char **error);

/* In what two checkpoints differ. a and b are each a pointer file, a name, or a file that is not saved (PyTorch's or
 * safetensors): what begins with ./ or ../ is the file if there is one, anything else a name first.
 * options: {"values": true to read the tensors that differ, and say how far their values have moved,
 *   "only": pattern for names of tensors (all, and metadata)}
 * diff: {"a", "b": names, "different", "unchanged": how many tensors are the same, "relaid": how many of those lie
 *   otherwise, "metadata": [{"name", "a", "b"}], "tensors": [{"change": "added", "removed", "retyped", "reshaped",
 *   "changed" or "moved", "certain": false if only the values can tell, "name", "a" and "b": {"name", "dtype", "shape",
 *   "bytes"} or null, "values": null or {"count", "changed", "counts_bytes", "share", "max_abs", "rel_l2", "new_nan",
 *   "new_inf"}}]}; numbers that JSON does not have are "NaN", "Infinity" and "-Infinity". */
int32_t cairn_diff(cairn_repository *repository, const char *a, const char *b, const char *options,
                   cairn_cancellation *cancellation, char **diff, char **error);

/* What a tensor's values are like. checkpoint: as a of cairn_diff; tensor: its name, or a pattern that matches only one.
 * options: {"bins": of the histogram, at most (16)}
 * summary: {"name", "dtype", "shape", "bytes", "count": null where elements are no numbers: then so is all that follows,
 *   "nan", "inf", "zeros": how many elements are, and of the finite ones "min", "max", "mean", "std" (of the population)
 *   and "histogram": [{"from", "to", "count"}]} */
int32_t cairn_tensor_summary(cairn_repository *repository, const char *checkpoint, const char *tensor,
                             const char *options, cairn_cancellation *cancellation, char **summary, char **error);

/* The tensors of a checkpoint, in its order, from the index: {"id", "name", "tensors": [{"name", "dtype", "shape",
 * "strides", "byte_offset", "bytes", "other_checkpoints": in how many the same bytes are, "first_seen": the oldest of
 * all that have them, as {"id", "name", "path", "version", "run", "step", "created"}}]}
 * options: {"only": pattern for names of tensors} */
int32_t cairn_list_tensors(cairn_repository *repository, const char *name, const char *options, char **tensors,
                           char **error);

/* Where something occurs, over all runs. what is a pattern for names of tensors, a digest or its first digits (6 at
 * least), or a file or directory, which is read and hashed as a save would.
 * options: {"kind": "name", "digest" or "file" (absent: a file that is there, else a digest that is there, else a name),
 *   "limit": of what is listed (100)}
 * found: by name {"tensors": [{"name", "dtype", "shape", "bytes", "digest": of its storage, if that is one blob,
 *   "checkpoints": how many, "first", "last": as first_seen above}], "cut_short": true if there are more};
 *   by digest {"digest": {"digest", "kind": "storage", "chunk", "manifest", "pack" or "unreferenced", "size", "pack",
 *   "checkpoint_count", "checkpoints", "tensors", "cut_short"}, or null}; by file {"file": {"path", "storage_count",
 *   "storage_bytes", "exact": [the checkpoints that it is], "checkpoint_count", "shares": [{"checkpoint", "storages",
 *   "tensors", "bytes"}], "tensors": [{"name", "checkpoints": how many}]}} */
int32_t cairn_find(cairn_repository *repository, const char *what, const char *options,
                   cairn_cancellation *cancellation, char **found, char **error);

/* The versions of a path (or those up to path@n) at which a tensor became another, newest first: {"path", "tensor",
 * "changes": [{"checkpoint": as first_seen above, "change": "added", "changed" or "removed", "other_bytes": false if
 * only its type or shape changed, "dtype", "shape", "previous_dtype" and "previous_shape": if they were others, "digest",
 * "versions": for how many it then stayed so}]}. CAIRN_NOT_FOUND if no version has such a tensor. */
int32_t cairn_blame(cairn_repository *repository, const char *name, const char *tensor, char **changes, char **error);

/* {"checkpoints", "runs", "tensors", "blobs", "logical_bytes", "stored_bytes", "dedup_ratio": of the two, or null,
 * "index_bytes", "unreferenced_bytes", "incomplete", "verified": the newest first, [{"kind": "files", "data" or one part
 * of the data: "data 2/7", "finished", "problems": how many}]} */
int32_t cairn_stats(cairn_repository *repository, char **stats, char **error);

/* How the repository came to what it holds now, in at most so many stretches of time of the same length:
 * {"seconds": of each, "points": [{"time": when it begins, "checkpoints", "logical_bytes", "stored_bytes": until its
 * end}]} */
int32_t cairn_growth(cairn_repository *repository, uint32_t stretches, char **growth, char **error);

/* Who holds how much, those first whose removal frees most.
 * options: {"by": "run", "path" (so it is if absent), "version" or "tensor-prefix", "names": [only these paths, path@n or
 *   tags], "depth": with tensor-prefix, how many parts of a tensor's name count (1)}
 * holdings: {"runs", "paths" or "versions": [group], "total": group, "blocked": true if a checkpoint cannot be read, and
 *   nothing is freed until it is removed}, a group being {"name": null for no run, "checkpoints", "logical_bytes",
 *   "needed_bytes", "own_bytes", "shared_bytes", "freed_bytes" and "freed_files": by removing it alone, "packed_bytes"};
 *   with tensor-prefix {"prefixes": [{"prefix": null for what is no tensor, "names": how many, "logical_bytes",
 *   "stored_bytes", "own_bytes"}]} */
int32_t cairn_holdings(cairn_repository *repository, const char *options, char **holdings, char **error);

/* Who removed the checkpoint with an id: {"id", "name", "time", "user", "host"}; JSON's null if nobody has. Reads the
 * whole log. */
int32_t cairn_removal(cairn_repository *repository, const char *id, char **removal, char **error);

/* All that was removed, what went last first, in a JSON array, as cairn_removal gives it. Reads the whole log.
 * query: {"paths": [any of these], "limit": number} */
int32_t cairn_removals(cairn_repository *repository, const char *query, char **removals, char **error);

/* ---- Changing ---- */

/* Removes checkpoints, ["path" for all its versions, "path@n" for that one]; what is not there is no error.
 * report: {"removed": ["path@n"], "freed_bytes", "warnings"} */
int32_t cairn_remove(cairn_repository *repository, const char *names, char **report, char **error);

/* Removes the checkpoints with ids, ["id"]; report: as cairn_remove. */
int32_t cairn_remove_ids(cairn_repository *repository, const char *ids, char **report, char **error);

/* The same, but for those that have tags when it is their turn, with the repository locked: they stay. */
int32_t cairn_remove_untagged_ids(cairn_repository *repository, const char *ids, char **report, char **error);

/* Writes a checkpoint to a file (or directory), its content checked.
 * options: {"format": "original", "pytorch" or "safetensors" (files as they were, a state as a PyTorch file),
 *   "overwrite": (false), "digest": true to compute the file's SHA-256}
 * report: {"checkpoint": path@n, "path", "bytes", "digest" or null, "left_out": [what the format could not hold],
 *   "warnings": [text: what went wrong once the checkpoint was there, whole]} */
int32_t cairn_restore(cairn_repository *repository, const char *name, const char *destination, const char *options,
                      char **report, char **error);

/* Makes a new version of request's path out of a checkpoint that is there, sharing its bytes. request and report: as
 * cairn_save_commit, without "saved_as"; what it does not give is taken from the source, but for tags. */
int32_t cairn_copy(cairn_repository *repository, const char *source, const char *request, char **report, char **error);

/* Lets a tag point to a checkpoint, wherever it pointed before.
 * report: {"tag", "id", "name": of the checkpoint, "previous": the path@n it pointed to, or null, "warnings"} */
int32_t cairn_tag(cairn_repository *repository, const char *tag, const char *name, char **report, char **error);

/* Takes a tag away; the checkpoint stays. report: {"tag", "id": null, "name": null, "previous": path@n, "warnings"} */
int32_t cairn_untag(cairn_repository *repository, const char *tag, char **report, char **error);

/* Gives a path with all its versions, or path@n that one, another path. Content and ids stay.
 * report: {"moved": [{"id", "from": path@n, "to": path@n}], "warnings"} */
int32_t cairn_move(cairn_repository *repository, const char *name, const char *path, char **report, char **error);

/* Sets metrics and metadata of a checkpoint, and takes others away. Content, and what was read out of it, stays.
 * annotation: {"metrics": as for cairn_save_commit, "metadata": {}, "unset": [metrics and keys of metadata]}
 * report: {"checkpoint": as cairn_resolve gives it, "warnings"} */
int32_t cairn_annotate(cairn_repository *repository, const char *name, const char *annotation, char **report,
                       char **error);

/* Removes the checkpoints that no rule keeps, in each group by itself. Tagged ones always stay, and so do incomplete
 * ones, and those that a pointer file holds.
 * policy: {"keep_last": how many, "keep_every": steps, "keep_best": ["metric[:min|:max][:n]"], "keep_within": "7d",
 *   "1d12h" ..., "keep_tagged": a rule that may stand alone, "group_by": "run" (so it is if absent), "path" or "all",
 *   "run", "paths": only the checkpoints of these, "pointers": true to delete the pointer files that hold what the rules
 *   do not keep, "dry_run": true to change nothing, "force": true if nothing need stay of a group}
 * report: {"dry_run", "kept" and "removed": [{"id", "name", "path", "version", "run", "step", "created", "size", "tags",
 *   "group", "rules": [what keeps it], or null}], "freed_files", "freed_bytes": with dry_run what would be freed, to the
 *   byte, "unlinked": [pointer files], "warnings"} */
int32_t cairn_prune(cairn_repository *repository, const char *policy, char **report, char **error);

/* Frees everything that nothing references. force: although a manifest cannot be read.
 * report: {"freed_bytes", "freed_files", "repacked_packs", "temporary_directories", "warnings"} */
int32_t cairn_collect_garbage(cairn_repository *repository, int32_t force, char **report, char **error);

/* Checks the repository. options: {"read_data": true to check every digest, "repair": true to write a new log if that
 * is lost, "repair_from": [files or directories] to put back from them what is missing, which means repair too, "part":
 * 1 ..., "parts": with read_data only one of this many parts}
 * report: {"checkpoints", "blobs", "bytes_read", "problems": [{"what", "problem", "hurts": [{"checkpoint", "tensors"}]}],
 *   "repaired": [text]} */
int32_t cairn_verify(cairn_repository *repository, const char *options, char **report, char **error);

/* Copies the repository into a directory, consistently while it is in use; a second time only what is new. The copy is a
 * repository, and stays what the last whole backup made it until the new one is whole.
 * options: {"copy": true for bytes of their own where a hard link or a reflink would do, "force": true to replace what is
 *   damaged or of another history, "dry_run": true to change nothing}
 * report: {"path", "checkpoints", "log_bytes", "dry_run", "files", "bytes", and of these "new_files", "new_bytes",
 *   "reused_files", "reused_bytes", "linked_files", "linked_bytes", "cloned_files", "cloned_bytes", "copied_files",
 *   "copied_bytes"; "removed_files", "removed_bytes", "warnings", "problems": [{"what": file that the repository lacks,
 *   "problem", "checkpoints": [path@n]}]}
 * CAIRN_DIVERGED if what is there is no earlier state of this repository; CAIRN_ALREADY_EXISTS if it is somebody's. */
int32_t cairn_backup(cairn_repository *repository, const char *directory, const char *options,
                     cairn_cancellation *cancellation, char **report, char **error);

#ifdef __cplusplus
}
#endif

#endif
