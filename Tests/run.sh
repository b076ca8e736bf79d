#!/usr/bin/env bash
# Passes all tests: sets the machine up, lints, builds without warnings, runs the tests. Arguments go to `swift test`
# (--filter NAME). The test runner's own summary comes last.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash Tests/setup.sh

lint=(Sources Tests Package.swift)
if [ -d Migrations ]; then lint+=(Migrations); fi
swift format lint --strict --recursive "${lint[@]}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# One build, of the tests too, so that `swift test` has nothing left to compile and its output is the tests' alone.
# A file is only warned of when it is compiled: touching ours brings the warnings of an earlier build back.
find Sources Tests Package.swift \( -name '*.swift' -o -name '*.c' -o -name '*.h' \) -exec touch {} +
swift build --build-tests 2>&1 | tee "$log"
# Warnings of packages that we use name their files in .build/checkouts; all others are ours, but for those of SwiftPM
# about its own download cache.
if grep -E '(^|[^[:alpha:]])warning: ' "$log" | grep -vE '/\.build/checkouts/|warning: skipping cache' >&2; then
  echo "run: the build has warnings (above)" >&2
  exit 1
fi

export CAIRN_TEST_PYTHON=${CAIRN_VENV:-$PWD/.venv}/bin/python
export CAIRN_TEST_PYTHON_OLD=/usr/bin/python3
# On a crash the backtracer can hang for minutes, holding the output open.
export SWIFT_BACKTRACE=enable=no
# Python must leave no compiled files in the source tree.
export PYTHONDONTWRITEBYTECODE=1

# The Python package, over the library that was just built. With a filter only those of the tests in Swift run.
if [ $# -eq 0 ]; then
  CAIRN_LIBRARY=$PWD/.build/debug/libCairnC.so "$CAIRN_TEST_PYTHON" -m pytest --quiet -p no:cacheprovider Tests/Python
fi

# What power loss, failing disks and SIGKILL leave, each as a sample: `--help` of each says how to have more.
if [ $# -eq 0 ]; then
  for program in crash_points faults kills plugin_kills together; do "$CAIRN_TEST_PYTHON" Tests/Crash/$program.py; done
  # In memory, unless there is no such place; these on a disk too, whose fsync takes its time.
  for program in kills plugin_kills together; do "$CAIRN_TEST_PYTHON" Tests/Crash/$program.py --directory "${TMPDIR:-/tmp}"; done
fi

# The readers of untrusted bytes, some seconds each: `Tests/Fuzz/fuzz.sh SECONDS` for longer.
if [ $# -eq 0 ]; then bash Tests/Fuzz/fuzz.sh 10; fi

swift test --skip-build --disable-xctest "$@"
