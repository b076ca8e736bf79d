#!/usr/bin/env bash
# Fuzzes the readers of untrusted bytes with libFuzzer, one after another, from seeds made of the fixtures.
#
# usage: Tests/Fuzz/fuzz.sh [SECONDS [READER …]]     60 seconds each, all readers, unless it says otherwise
# environment: CAIRN_FUZZ_DIRECTORY   where corpora and what was found stay (.build/fuzz)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seconds=${1:-60}
readers=("${@:2}")
[ ${#readers[@]} -gt 0 ] || readers=(zip pickle pytorch safetensors manifest pointer log where)
directory=${CAIRN_FUZZ_DIRECTORY:-$PWD/.build/fuzz}
mkdir -p "$directory"

swift build --product CairnFuzz
swift build --configuration release --scratch-path "$directory/build" --product CairnFuzz --sanitize=fuzzer \
  -Xswiftc -DFUZZ
rm -rf "$directory/seeds"
"$(swift build --show-bin-path)/CairnFuzz" seeds Tests/Fixtures "$directory/seeds"

# On a crash the backtracer can hang for minutes.
export SWIFT_BACKTRACE=enable=no
for reader in "${readers[@]}"; do
  echo "fuzz: $reader, $seconds s"
  mkdir -p "$directory/corpus/$reader"
  CAIRN_FUZZ=$reader "$directory/build/release/CairnFuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -max_len=65536 -artifact_prefix="$directory/$reader-" -print_final_stats=1 -verbosity=0 \
    "$directory/corpus/$reader" "$directory/seeds/$reader"
done
