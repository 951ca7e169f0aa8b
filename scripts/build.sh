#!/usr/bin/env bash
# scripts/build.sh [preset] [target ...]: configures once and builds. Presets: dev (default), release, asan, tsan.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-dev}
shift || true

launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
if [[ ! -f build/$preset/build.ninja ]]; then
  echo "build: configuring $preset"
  mkdir -p "build/$preset"
  if ! cmake --preset "$preset" "${launcher[@]}" >"build/$preset/configure.log" 2>&1; then
    cat "build/$preset/configure.log" >&2
    exit 1
  fi
fi
echo "build: $preset${*:+ ($*)} with $(nproc) jobs, in build/$preset"
targets=()
(($# == 0)) || targets=(--target "$@")
cmake --build "build/$preset" --parallel "$(nproc)" "${targets[@]}"
