#ifndef _GNU_SOURCE
#define _GNU_SOURCE // fallocate, renameat2, O_DIRECT
#endif
#include "CairnSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

int64_t cairn_filesystem_type(const char *path) {
  struct statfs info;
  int result;
  do {
    result = statfs(path, &info);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? (int64_t)(uint32_t)info.f_type : -1;
}

int cairn_allocate(int fd, int64_t size) {
  int result;
  do {
    result = fallocate(fd, 0, 0, size);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

int cairn_set_direct(int fd, int direct) {
  int flags = fcntl(fd, F_GETFL);
  if (flags == -1) return errno;
  return fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 ? 0 : errno;
}

void cairn_begin_writing(int fd, int64_t offset, int64_t length) {
  sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

int cairn_exchange(const char *first, const char *second) {
  return renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) == 0 ? 0 : errno;
}

int cairn_clone(int to, int from) {
  int result;
  do {
    result = ioctl(to, FICLONE, from);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

// A fixed table of atomics: the child of a fork may touch neither malloc nor a mutex that another thread held.
enum { slots = 1024 };
static _Atomic int guarded[slots]; // fd + 1; 0 is free
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void close_all(void) {
  for (int i = 0; i < slots; i++) {
    int fd = atomic_exchange(&guarded[i], 0);
    if (fd != 0) close(fd - 1);
  }
}

static void install(void) { pthread_atfork(NULL, NULL, close_all); }

int cairn_close_in_child(int fd) {
  pthread_once(&once, install);
  for (int i = 0; i < slots; i++) {
    int expected = 0;
    if (atomic_compare_exchange_strong(&guarded[i], &expected, fd + 1)) return 0;
  }
  errno = EMFILE;
  return -1;
}

void cairn_keep_in_child(int fd) {
  for (int i = 0; i < slots; i++) {
    int expected = fd + 1;
    if (atomic_compare_exchange_strong(&guarded[i], &expected, 0)) return;
  }
}

int cairn_sqlite_no_checkpoint_on_close(void *db) {
  return sqlite3_db_config((sqlite3 *)db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}

int cairn_sqlite_lock_down(void *db) {
  static const struct {
    int option, value;
  } settings[] = {
      {SQLITE_DBCONFIG_DEFENSIVE, 1},
      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
      {SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0},
      {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
      {SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0},
      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
      {SQLITE_DBCONFIG_ENABLE_VIEW, 0}, // those of the connection's own schema stay
      {SQLITE_DBCONFIG_DQS_DML, 0},
      {SQLITE_DBCONFIG_DQS_DDL, 0},
  };
  for (unsigned i = 0; i < sizeof settings / sizeof *settings; i++) {
    int code = sqlite3_db_config((sqlite3 *)db, settings[i].option, settings[i].value, (int *)0);
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

int cairn_sqlite_vtab_innocuous(void *db) { return sqlite3_vtab_config((sqlite3 *)db, SQLITE_VTAB_INNOCUOUS); }
