#!/bin/sh
# Builds the C interface as one file that needs no Swift where it runs: OUTPUT_DIR/libCairnC.so, and cairn.h beside it.
#
# usage: build_native.sh OUTPUT_DIR
# environment: SWIFT            the swift command (swift)
#              CAIRN_PACKAGE    the directory of Package.swift (two above this script)
#              CAIRN_SCRATCH    where to build (.build/native in the package)
#
# The flags are given here and not in Package.swift, since a package with unsafe flags cannot be another's dependency.
set -eu

[ $# -eq 1 ] || { echo "usage: $0 OUTPUT_DIR" >&2; exit 64; }
output=$1
swift=${SWIFT:-swift}
here=$(cd "$(dirname "$0")" && pwd)
package=${CAIRN_PACKAGE:-$(cd "$here/../.." && pwd)}
scratch=${CAIRN_SCRATCH:-$package/.build/native}
exports=$package/Sources/CairnC/exports.map

command -v "$swift" >/dev/null || {
  echo "$0: no Swift toolchain found: install one from https://swift.org/install, or set SWIFT" >&2
  exit 1
}
# The directory of the runtime to link statically; the compiler knows where it is.
resources=$("$swift" -print-target-info 2>/dev/null \
  | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p' | head -n 1)
static=${resources}_static/linux
[ -d "$static" ] || { echo "$0: the toolchain has no static runtime ($static)" >&2; exit 1; }

# SQLite, zstd, zlib and libdeflate are linked statically where their archives are found, so that the file needs none of them where
# it runs, and shares none with other libraries: the linker takes what comes first in its path.
archives=$scratch/archives
mkdir -p "$archives"
for library in sqlite3 zstd z deflate; do
  rm -f "$archives/lib$library.a"
  archive=$(cc -print-file-name="lib$library.a" 2>/dev/null || clang -print-file-name="lib$library.a" 2>/dev/null || true)
  case $archive in /*) ln -s "$archive" "$archives/lib$library.a" ;; esac
done

"$swift" build --package-path "$package" --scratch-path "$scratch" -c release --product CairnC \
  -Xswiftc -static-stdlib -Xlinker "-L$archives" -Xlinker "-L$static" -Xlinker --gc-sections \
  -Xlinker "--version-script=$exports" >&2

mkdir -p "$output"
temporary=$output/.libCairnC.so.$$
trap 'rm -f "$temporary"' EXIT
cp "$scratch/release/libCairnC.so" "$temporary"
strip --strip-unneeded "$temporary"

# What else is exported would be found by other libraries in the process, PyTorch's among them.
wanted=$(sed -n 's/^ *\(cairn_[a-z_]*\);$/\1/p' "$exports" | sort)
exported=$(nm -D -g --defined-only "$temporary" | awk '{ print $3 }' | sort)
[ "$exported" = "$wanted" ] || { echo "$0: exports other symbols than $exports names: $exported" >&2; exit 1; }

chmod 755 "$temporary"
mv "$temporary" "$output/libCairnC.so"
cp "$package/Sources/CairnC/cairn.h" "$output/cairn.h"
