// C shims for what Swift cannot import: macros, variadic functions, and the headers of zlib and zstd.
#ifndef CAIRN_SYSTEM_H
#define CAIRN_SYSTEM_H

#include <zlib.h>
#include <zstd.h>

#endif
