/* Saves and loads through the real library, as a C program does; prints what it loaded. Usage: smoke DIRECTORY */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cairn.h"

static void check(int32_t code, char *error) {
  if (code == CAIRN_OK) return;
  fprintf(stderr, "%d: %s\n", code, error != NULL ? error : "no error was given");
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 2 || cairn_abi_version() != CAIRN_ABI_VERSION) return 2;
  char *error = NULL, *report = NULL;
  cairn_repository *repository = NULL;
  check(cairn_initialize(argv[1], NULL, &repository, &error), error);

  static char text[] = "bytes of a storage";
  const char pickle[] = "N.";
  cairn_save *save = NULL;
  check(cairn_save_begin(repository, &save, &error), error);
  check(cairn_save_add_storage(save, "0", text, sizeof text, &error), error);
  check(cairn_save_set_skeleton(save, pickle, 2, &error), error);
  check(cairn_save_commit(save, "{\"path\": \"a\"}", &report, &error), error);
  cairn_save_abort(save);
  if (report == NULL || strstr(report, "\"version\":1") == NULL) return 3;
  cairn_free(report);

  cairn_checkpoint *checkpoint = NULL;
  cairn_region *region = NULL;
  check(cairn_checkpoint_open(repository, "a", &checkpoint, &error), error);
  check(cairn_checkpoint_map(checkpoint, "0", &region, &error), error);
  cairn_checkpoint_close(checkpoint);
  cairn_close(repository);
  if (cairn_region_length(region) != sizeof text) return 4;
  puts(cairn_region_bytes(region));
  cairn_region_close(region);

  if (cairn_open("/nowhere", &repository, &error) != CAIRN_NOT_A_REPOSITORY) return 5;
  if (error == NULL || strstr(error, "\"kind\":\"notARepository\"") == NULL) return 6;
  cairn_free(error);
  return 0;
}
