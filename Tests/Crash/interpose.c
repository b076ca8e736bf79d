// Records, fails, and stops at, the file operations of a process below one directory: to be loaded with LD_PRELOAD.
//
// CAIRN_CRASH_ROOT    the directory, absolute and without symbolic links
// CAIRN_CRASH_TRACE   the file that records are appended to; none are written without it
// CAIRN_CRASH_FAULT   what happens at which call: "N:ERRNO" fails the Nth call, "N+:ERRNO" that one and every one after
//                     it that needs room on the disk, "N:short" lets the Nth read or write do half, "N:kill" sends SIGKILL
//                     in its place. Calls are counted from 1. Or "write:NAME:1:kill": the first write (or other kind of
//                     call) on a path that ends in NAME, and the same of what happens.
//
// One lock is held over each call, so that the order of the records is the order in which things happened.

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum operation {
  op_open = 1,
  op_write,
  op_truncate,
  op_rename,
  op_link,
  op_unlink,
  op_mkdir,
  op_rmdir,
  op_sync,
  op_allocate,
  op_read,
  op_list,
  op_status,
  op_mode,
  op_lock,
};

// What is appended to the trace before the two paths and the data.
struct record {
  uint32_t number;
  uint32_t operation;
  uint64_t inode;
  int64_t value;   // flags, offset or size
  int64_t changed; // the time of the last change of the file's content, in nanoseconds
  uint32_t error;
  uint32_t created;
  uint32_t length1, length2;
  uint64_t length;
};

enum { descriptors = 65536 };
static struct {
  uint64_t inode;
  char tracked, appends, chosen;
} open_files[descriptors];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char root[PATH_MAX];
static size_t root_length;
static int trace = -1;
static uint32_t number, fault_number;
static int fault_errno, fault_persists, fault_short, fault_kill;
// Where calls of one kind on one name are counted instead.
static int fault_operation;
static char fault_name[256];
static const char *const operations[] = {
    "", "open", "write", "truncate", "rename", "link", "unlink", "mkdir", "rmdir", "fsync", "allocate", "read", "list",
    "stat", "chmod", "flock",
};

static void set_up(void) {
  const char *value = getenv("CAIRN_CRASH_ROOT");
  if (!value || strlen(value) >= sizeof root) return;
  strcpy(root, value);
  root_length = strlen(root);
  value = getenv("CAIRN_CRASH_TRACE");
  if (value) {
    int low = (int)syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    // Out of the way, so that the program's own descriptors have the numbers that they always have.
    trace = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, 900);
    if (trace < 0) trace = low; else syscall(SYS_close, low);
  }
  value = getenv("CAIRN_CRASH_FAULT");
  if (!value) return;
  const char *name = strchr(value, ':'), *after = name ? strchr(name + 1, ':') : NULL;
  if (after && (size_t)(after - name) <= sizeof fault_name) {
    memcpy(fault_name, name + 1, (size_t)(after - name - 1));
    for (int i = 1; i < (int)(sizeof operations / sizeof *operations); i++) {
      if (strncmp(operations[i], value, (size_t)(name - value)) == 0) fault_operation = i;
    }
    value = after + 1;
  }
  char *end;
  fault_number = (uint32_t)strtoul(value, &end, 10);
  if (*end == '+') fault_persists = 1, end++;
  if (*end == ':') end++;
  if (strcmp(end, "short") == 0) fault_short = 1;
  else if (strcmp(end, "kill") == 0) fault_kill = 1;
  else fault_errno = atoi(end);
}

static void lock(void) {
  pthread_once(&once, set_up);
  pthread_mutex_lock(&mutex);
}

static void unlock(void) {
  int code = errno;
  pthread_mutex_unlock(&mutex);
  errno = code;
}

// The absolute path of what is at `path`, if it lies below the root; otherwise NULL.
static const char *below_root(int directory, const char *path, char *buffer) {
  if (!root_length || !path) return NULL;
  if (path[0] != '/') {
    char link[64];
    ssize_t length;
    if (directory == AT_FDCWD) {
      length = syscall(SYS_getcwd, buffer, PATH_MAX) > 0 ? (ssize_t)strlen(buffer) : -1;
    } else {
      snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
      length = syscall(SYS_readlinkat, AT_FDCWD, link, buffer, PATH_MAX - 1);
    }
    if (length < 0 || (size_t)length + strlen(path) + 2 > PATH_MAX) return NULL;
    buffer[length] = '/';
    strcpy(buffer + length + 1, path);
    path = buffer;
  }
  if (strncmp(path, root, root_length) != 0) return NULL;
  return path[root_length] == '/' || path[root_length] == 0 ? path : NULL;
}

static int needs_room(enum operation operation) {
  return operation == op_write || operation == op_mkdir || operation == op_rename || operation == op_link ||
         operation == op_allocate || operation == op_truncate;
}

static int is_chosen(const char *path) {
  size_t length = strlen(path), ending = strlen(fault_name);
  return fault_operation && length >= ending && strcmp(path + length - ending, fault_name) == 0;
}

// Counts a call; returns what it is to fail with, -1 for half of it, or 0. `creates` says that it would make a file,
// `chosen` that it is on the name where faults are.
static int fault(enum operation operation, int creates, int chosen) {
  static uint32_t on_name;
  number++;
  uint32_t reached = number;
  if (fault_operation) {
    if (!chosen || (int)operation != fault_operation) return 0;
    reached = ++on_name;
  }
  if (fault_number == 0 || reached < fault_number) return 0;
  if (reached > fault_number) {
    return fault_persists && (needs_room(operation) || (operation == op_open && creates)) ? fault_errno : 0;
  }
  if (fault_kill) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
  }
  if (fault_short) return operation == op_read || operation == op_write ? -1 : 0;
  return fault_errno;
}

static void note(struct record record, const char *path1, const char *path2, const struct iovec *data, int count) {
  if (trace < 0) return;
  int code = errno;
  struct iovec parts[1024 + 3];
  record.number = number;
  record.length1 = path1 ? (uint32_t)strlen(path1) : 0;
  record.length2 = path2 ? (uint32_t)strlen(path2) : 0;
  parts[0] = (struct iovec){&record, sizeof record};
  parts[1] = (struct iovec){(void *)path1, record.length1};
  parts[2] = (struct iovec){(void *)path2, record.length2};
  int used = 3;
  uint64_t left = record.length;
  for (int i = 0; i < count && left > 0; i++) {
    size_t take = data[i].iov_len < left ? data[i].iov_len : left;
    parts[used++] = (struct iovec){data[i].iov_base, take};
    left -= take;
  }
  size_t total = 0;
  for (int i = 0; i < used; i++) total += parts[i].iov_len;
  ssize_t written = syscall(SYS_writev, trace, parts, used);
  if (written < 0 || (size_t)written != total) abort();
  errno = code;
}

static int64_t changed(int descriptor, uint64_t *size) {
  struct stat info;
  if (syscall(SYS_fstat, descriptor, &info) != 0) return 0;
  if (size) *size = (uint64_t)info.st_size;
  return info.st_mtim.tv_sec * 1000000000LL + info.st_mtim.tv_nsec;
}

static int is_tracked(int descriptor) {
  return descriptor >= 0 && descriptor < descriptors && open_files[descriptor].tracked;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// MARK: Names

static int opening(int directory, const char *path, int flags, mode_t mode) {
  char buffer[PATH_MAX];
  lock();
  const char *full = below_root(directory, path, buffer);
  if (!full) {
    unlock();
    int descriptor = (int)syscall(SYS_openat, directory, path, flags, mode);
    if (descriptor >= 0 && descriptor < descriptors) open_files[descriptor].tracked = 0;
    return descriptor;
  }
  struct stat info;
  int creates = (flags & O_CREAT) && syscall(SYS_newfstatat, AT_FDCWD, full, &info, AT_SYMLINK_NOFOLLOW) != 0;
  struct record record = {.operation = op_open, .value = flags, .created = (uint32_t)creates};
  int code = fault(op_open, creates, is_chosen(full));
  int descriptor = -1;
  if (code > 0) errno = code; else descriptor = (int)syscall(SYS_openat, directory, path, flags, mode);
  if (descriptor >= 0) {
    record.changed = changed(descriptor, NULL);
    syscall(SYS_fstat, descriptor, &info);
    record.inode = info.st_ino;
    if (descriptor < descriptors) {
      open_files[descriptor].inode = info.st_ino;
      open_files[descriptor].tracked = 1;
      open_files[descriptor].chosen = (char)is_chosen(full);
      open_files[descriptor].appends = (flags & O_APPEND) != 0;
    }
  } else {
    record.error = (uint32_t)errno;
  }
  note(record, full, NULL, NULL, 0);
  unlock();
  return descriptor;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list list; \
      va_start(list, flags); \
      mode = va_arg(list, mode_t); \
      va_end(list); \
    } \
    return opening(AT_FDCWD, path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int directory, const char *path, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list list; \
      va_start(list, flags); \
      mode = va_arg(list, mode_t); \
      va_end(list); \
    } \
    return opening(directory, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode) { return opening(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int descriptor) {
  lock();
  if (descriptor >= 0 && descriptor < descriptors) open_files[descriptor].tracked = 0;
  int result = descriptor == trace ? 0 : (int)syscall(SYS_close, descriptor);
  unlock();
  return result;
}

// A call on one path or two: `call` is what is done unless it is to fail.
#define ON_PATHS(op, directory1, path1, directory2, path2, call, after) \
  char buffer1[PATH_MAX], buffer2[PATH_MAX]; \
  lock(); \
  const char *full1 = below_root(directory1, path1, buffer1), *full2 = below_root(directory2, path2, buffer2); \
  if (!full1 && !full2) { \
    unlock(); \
    return call; \
  } \
  struct record record = {.operation = op}; \
  int code = fault(op, 0, is_chosen(full2 ? full2 : full1)), result = -1; \
  if (code > 0) errno = code; else result = (int)(call); \
  if (result != 0) record.error = (uint32_t)errno; else { after; } \
  note(record, full1, full2, NULL, 0); \
  unlock(); \
  return result

int renameat2(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
  ON_PATHS(op_rename, from_directory, from, to_directory, to,
           syscall(SYS_renameat2, from_directory, from, to_directory, to, flags), (void)0);
}
int renameat(int from_directory, const char *from, int to_directory, const char *to) {
  return renameat2(from_directory, from, to_directory, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags) {
  ON_PATHS(op_link, from_directory, from, to_directory, to,
           syscall(SYS_linkat, from_directory, from, to_directory, to, flags), (void)0);
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int directory, const char *path, int flags) {
  enum operation operation = flags & AT_REMOVEDIR ? op_rmdir : op_unlink;
  ON_PATHS(operation, directory, path, AT_FDCWD, NULL, syscall(SYS_unlinkat, directory, path, flags), (void)0);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

static uint64_t inode_at(const char *path) {
  struct stat info;
  return syscall(SYS_newfstatat, AT_FDCWD, path, &info, AT_SYMLINK_NOFOLLOW) == 0 ? info.st_ino : 0;
}

int mkdirat(int directory, const char *path, mode_t mode) {
  ON_PATHS(op_mkdir, directory, path, AT_FDCWD, NULL, syscall(SYS_mkdirat, directory, path, mode),
           record.inode = inode_at(full1));
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int chmod(const char *path, mode_t mode) {
  ON_PATHS(op_mode, AT_FDCWD, path, AT_FDCWD, NULL, syscall(SYS_fchmodat, AT_FDCWD, path, mode), (void)0);
}

DIR *opendir(const char *path) {
  REAL(opendir);
  char buffer[PATH_MAX];
  lock();
  const char *full = below_root(AT_FDCWD, path, buffer);
  int code = full ? fault(op_list, 0, is_chosen(full)) : 0;
  DIR *result = NULL;
  if (code > 0) errno = code; else result = real(path);
  if (full) note((struct record){.operation = op_list, .error = result ? 0 : (uint32_t)errno}, full, NULL, NULL, 0);
  unlock();
  return result;
}

#define STATUS(name, type, flags) \
  int name(const char *path, type *info) { \
    ON_PATHS(op_status, AT_FDCWD, path, AT_FDCWD, NULL, syscall(SYS_newfstatat, AT_FDCWD, path, info, flags), \
             (void)0); \
  }
STATUS(stat, struct stat, 0)
STATUS(stat64, struct stat64, 0)
STATUS(lstat, struct stat, AT_SYMLINK_NOFOLLOW)
STATUS(lstat64, struct stat64, AT_SYMLINK_NOFOLLOW)

// MARK: Contents

// A call on an open file that has no data: `call` is what is done unless it is to fail.
#define ON_FILE(op, descriptor, amount, call) \
  lock(); \
  if (!is_tracked(descriptor)) { \
    unlock(); \
    return (int)(call); \
  } \
  struct record record = {.operation = op, .inode = open_files[descriptor].inode, .value = amount}; \
  int code = fault(op, 0, open_files[descriptor].chosen), result = -1; \
  if (code > 0) errno = code; else result = (int)(call); \
  if (result != 0) record.error = (uint32_t)errno; \
  record.changed = changed(descriptor, NULL); \
  note(record, NULL, NULL, NULL, 0); \
  unlock(); \
  return result

int flock(int descriptor, int kind) {
  // One that blocks would hold up everybody, and releasing never fails.
  if (!(kind & LOCK_NB)) return (int)syscall(SYS_flock, descriptor, kind);
  ON_FILE(op_lock, descriptor, kind, syscall(SYS_flock, descriptor, kind));
}
int fsync(int descriptor) { ON_FILE(op_sync, descriptor, 0, syscall(SYS_fsync, descriptor)); }
int fdatasync(int descriptor) { ON_FILE(op_sync, descriptor, 1, syscall(SYS_fdatasync, descriptor)); }
int ftruncate(int descriptor, off_t size) {
  ON_FILE(op_truncate, descriptor, size, syscall(SYS_ftruncate, descriptor, size));
}
int ftruncate64(int descriptor, off_t size) { return ftruncate(descriptor, size); }
int fchmod(int descriptor, mode_t mode) { ON_FILE(op_mode, descriptor, 0, syscall(SYS_fchmod, descriptor, mode)); }
int fstat(int descriptor, struct stat *info) {
  ON_FILE(op_status, descriptor, 0, syscall(SYS_fstat, descriptor, info));
}
int fstat64(int descriptor, struct stat64 *info) {
  ON_FILE(op_status, descriptor, 0, syscall(SYS_fstat, descriptor, info));
}
int fallocate(int descriptor, int mode, off_t offset, off_t length) {
  ON_FILE(op_allocate, descriptor, offset + length, syscall(SYS_fallocate, descriptor, mode, offset, length));
}
int fallocate64(int descriptor, int mode, off_t offset, off_t length) {
  return fallocate(descriptor, mode, offset, length);
}
int posix_fallocate(int descriptor, off_t offset, off_t length) {
  return fallocate(descriptor, 0, offset, length) == 0 ? 0 : errno;
}
int posix_fallocate64(int descriptor, off_t offset, off_t length) {
  return posix_fallocate(descriptor, offset, length);
}

// `offset` -1: at the file's own position.
static ssize_t writing(int descriptor, const struct iovec *data, int count, off_t offset) {
  lock();
  int tracked = is_tracked(descriptor), code = tracked ? fault(op_write, 0, open_files[descriptor].chosen) : 0;
  struct record record = {.operation = op_write};
  uint64_t size = 0;
  if (tracked) {
    record.inode = open_files[descriptor].inode;
    changed(descriptor, &size);
    record.value = open_files[descriptor].appends ? (int64_t)size
                   : offset >= 0                  ? offset
                                                  : syscall(SYS_lseek, descriptor, 0, SEEK_CUR);
  } else {
    unlock(); // It may block: a pipe.
  }
  struct iovec half = count > 0 ? data[0] : (struct iovec){0};
  if (code == -1 && half.iov_len > 1) {
    half.iov_len /= 2;
    data = &half;
    count = 1;
  }
  ssize_t result = -1;
  if (code > 0) errno = code;
  else if (offset < 0) result = syscall(SYS_writev, descriptor, data, count);
  else if (count == 1) result = syscall(SYS_pwrite64, descriptor, data[0].iov_base, data[0].iov_len, offset);
  else result = syscall(SYS_pwritev, descriptor, data, count, offset, 0);
  if (tracked) {
    if (result < 0) record.error = (uint32_t)errno; else record.length = (uint64_t)result;
    record.changed = changed(descriptor, NULL);
    note(record, NULL, NULL, data, count);
    unlock();
  }
  return result;
}

ssize_t write(int descriptor, const void *data, size_t length) {
  return writing(descriptor, &(struct iovec){(void *)data, length}, 1, -1);
}
ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset) {
  return writing(descriptor, &(struct iovec){(void *)data, length}, 1, offset);
}
ssize_t pwrite64(int descriptor, const void *data, size_t length, off_t offset) {
  return pwrite(descriptor, data, length, offset);
}
ssize_t writev(int descriptor, const struct iovec *data, int count) { return writing(descriptor, data, count, -1); }
ssize_t pwritev(int descriptor, const struct iovec *data, int count, off_t offset) {
  return writing(descriptor, data, count, offset);
}
ssize_t pwritev64(int descriptor, const struct iovec *data, int count, off_t offset) {
  return writing(descriptor, data, count, offset);
}

static ssize_t reading(int descriptor, void *data, size_t length, off_t offset) {
  lock();
  int tracked = is_tracked(descriptor), code = tracked ? fault(op_read, 0, open_files[descriptor].chosen) : 0;
  uint64_t inode = tracked ? open_files[descriptor].inode : 0;
  if (!tracked) unlock();
  if (code == -1 && length > 1) length /= 2;
  ssize_t result = -1;
  if (code > 0) errno = code;
  else if (offset < 0) result = syscall(SYS_read, descriptor, data, length);
  else result = syscall(SYS_pread64, descriptor, data, length, offset);
  if (tracked) {
    note((struct record){.operation = op_read, .inode = inode, .error = result < 0 ? (uint32_t)errno : 0}, NULL, NULL,
         NULL, 0);
    unlock();
  }
  return result;
}
ssize_t read(int descriptor, void *data, size_t length) { return reading(descriptor, data, length, -1); }
ssize_t pread(int descriptor, void *data, size_t length, off_t offset) {
  return reading(descriptor, data, length, offset);
}
ssize_t pread64(int descriptor, void *data, size_t length, off_t offset) {
  return reading(descriptor, data, length, offset);
}
