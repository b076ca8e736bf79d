#include "CairnSystem.h"

#include <malloc.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic int64_t sqlite_bytes;

static void count_sqlite(int64_t bytes) { atomic_fetch_add_explicit(&sqlite_bytes, bytes, memory_order_relaxed); }

static int sqlite_size(void *memory) { return (int)malloc_usable_size(memory); }

static void *sqlite_allocate(int size) {
  void *memory = malloc((size_t)size);
  count_sqlite(sqlite_size(memory));
  return memory;
}

static void sqlite_free(void *memory) {
  count_sqlite(-(int64_t)sqlite_size(memory));
  free(memory);
}

static void *sqlite_reallocate(void *memory, int size) {
  int64_t before = sqlite_size(memory);
  void *moved = realloc(memory, (size_t)size);
  if (moved) count_sqlite(sqlite_size(moved) - before);
  return moved;
}

static int sqlite_round_up(int size) { return (size + 7) & ~7; }

static int sqlite_begin(void *unused) { return (void)unused, SQLITE_OK; }

static void sqlite_end(void *unused) { (void)unused; }

void cairn_sqlite_own(void) {
  static const sqlite3_mem_methods methods = {
      sqlite_allocate, sqlite_free, sqlite_reallocate, sqlite_size, sqlite_round_up, sqlite_begin, sqlite_end, NULL,
  };
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK) return;
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int64_t cairn_sqlite_memory(void) {
  // One of them stays 0.
  return atomic_load(&sqlite_bytes) + sqlite3_memory_used();
}
