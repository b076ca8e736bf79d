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

command -v "$swift" >/dev/null || {
  echo "$0: no Swift toolchain found: install one from https://swift.org/install, or set SWIFT" >&2
  exit 1
}
# The directory of the runtime to link statically; the compiler knows where it is.
resources=$("$swift" -print-target-info 2>/dev/null \
  | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p' | head -n 1)
case $resources in
  */swift) static=${resources}_static/linux ;;
  *) static= ;;
esac
[ -d "$static" ] || { echo "$0: the toolchain has no static runtime ($static)" >&2; exit 1; }

"$swift" build --package-path "$package" --scratch-path "$scratch" -c release --product CairnC \
  -Xswiftc -static-stdlib -Xlinker "-L$static" -Xlinker --gc-sections \
  -Xlinker "--version-script=$package/Sources/CairnC/exports.map" >&2

mkdir -p "$output"
built=$scratch/release/libCairnC.so
temporary=$output/.libCairnC.so.$$
trap 'rm -f "$temporary"' EXIT
cp "$built" "$temporary"
strip --strip-unneeded "$temporary"

# What else is exported would be found by other libraries in the process, PyTorch's among them.
others=$(nm -D --defined-only "$temporary" | awk '{ print $3 }' | grep -v '^cairn_' || true)
[ -z "$others" ] || { echo "$0: exported beside cairn_*: $others" >&2; exit 1; }

chmod 755 "$temporary"
mv "$temporary" "$output/libCairnC.so"
cp "$package/Sources/CairnC/cairn.h" "$output/cairn.h"
