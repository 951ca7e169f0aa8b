#!/usr/bin/env bash
# Builds the release program and shows what Troupe does: digits recognised by a pipeline of shards, and the same answers
# while a shard and then a whole process are killed. Ends with 1 if any answer differs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/install_dependencies.sh
scripts/build.sh release troupe_program troupe_demo
echo
exec build/release/sample_apps/demo/troupe_demo --program build/release/sample_apps/troupe/troupe \
  --models sample_apps/models "$@"
