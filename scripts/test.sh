#!/usr/bin/env bash
# scripts/test.sh [preset] [ctest argument ...]: installs what is missing, builds everything (warnings are errors),
# runs every test in parallel and prints a summary. Presets: dev (default), release, asan, tsan.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-dev}
shift || true
started=$SECONDS

scripts/install_dependencies.sh
scripts/build.sh "$preset"

log=build/$preset/test.log
echo "test: running with $(nproc) jobs"
status=0
results=$PWD/build/$preset/tests.xml
ctest --test-dir "build/$preset" --parallel "$(nproc)" --output-on-failure --no-tests=error --output-junit "$results" \
  "$@" >"$log" 2>&1 || status=$?

if ((status != 0)); then
  # Everything that failed, without the lines of what passed.
  grep --invert-match --extended-regexp '^ +Start |^ *[0-9]+/[0-9]+ Test .* Passed ' "$log" || true
fi
summary=$(grep --extended-regexp 'tests passed|No tests were found' "$log" || echo "ctest did not finish; see $log")
# What is promised, and whether this run has proven it.
/usr/bin/python3 tests/promises/promises.py "$results" --output "build/$preset/promises.md" || status=1
echo "test: $summary ($((SECONDS - started)) s in all, log in $log)"
exit "$status"
