// C shims for what Swift cannot import: macros, variadic functions, and the headers of zlib, libdeflate and zstd.
#ifndef CAIRN_SYSTEM_H
#define CAIRN_SYSTEM_H

#include <libdeflate.h>
#include <stdint.h>
#include <zlib.h>
#include <zstd.h>

// The magic number of the filesystem that holds `path` (linux/magic.h), or -1 with errno set.
int64_t cairn_filesystem_type(const char *path);

// Registers a descriptor that a forked child closes at once: a flock belongs to the open file description, which the
// child would share, and keep locked after its parent let go or died. Returns 0, or -1 when the table is full.
int cairn_close_in_child(int fd);

// Takes a descriptor back out; call before closing it.
void cairn_keep_in_child(int fd);

// Reserves room for the first `size` bytes of a file and makes it that long. Returns 0, or an error number: EOPNOTSUPP or
// ENOSYS where the filesystem cannot, as with NFS before 4.2. Unlike posix_fallocate this never writes instead.
int cairn_allocate(int fd, int64_t size);

// Lets what is written to a descriptor from now on go past the page cache (O_DIRECT), or through it again. Returns 0, or an
// error number: EINVAL where the filesystem cannot.
int cairn_set_direct(int fd, int direct);

// Has the kernel begin to write a part of a file to the disk, and does not wait for that (SYNC_FILE_RANGE_WRITE). Makes
// nothing durable; what goes wrong is for fsync to say.
void cairn_begin_writing(int fd, int64_t offset, int64_t length);

// Swaps what two paths of one filesystem name, atomically (RENAME_EXCHANGE). Returns 0, or an error number: EINVAL or
// ENOSYS where the filesystem cannot, as with NFS.
int cairn_exchange(const char *first, const char *second);

// Makes the file `to` share all blocks of the file `from` (FICLONE). Returns 0, or an error number: EXDEV, EOPNOTSUPP,
// ENOTTY, EINVAL or ENOSYS where the filesystem cannot.
int cairn_clone(int to, int from);

// Has SQLite's memory counted by an atomic number instead of by SQLite, which locks a mutex at each of millions of
// allocations in a save of many tensors. Of the whole process: for programs whose SQLite is their own. Does nothing once
// SQLite is at work. sqlite3_memory_used and SQLite's heap limits are without effect afterwards.
void cairn_sqlite_own(void);

// The bytes that SQLite has allocated in this process, whoever counts them.
int64_t cairn_sqlite_memory(void);

// Keeps the SQLite connection `db` (a sqlite3 *) from checkpointing its WAL when it is closed.
// Returns an SQLite result code.
int cairn_sqlite_no_checkpoint_on_close(void *db);

// Sets all that sqlite.org/security.html says for SQL from others on the connection `db` (a sqlite3 *): defensive,
// schema not trusted, no extensions, no triggers, no views but its own, "x" never a text.
// Returns an SQLite result code.
int cairn_sqlite_lock_down(void *db);

// Inside a virtual table's xConnect on the connection `db`: it may be used from views although the schema is not trusted.
// Returns an SQLite result code.
int cairn_sqlite_vtab_innocuous(void *db);

#endif
