#!/usr/bin/env bash
# build_and_run.sh KIND SOURCE BUILD: is Troupe, as another project sees it, complete? Builds the project KIND beside
# this script (find_package, add_subdirectory) or, for pkg_config, the programs by hand, and runs them. SOURCE and BUILD
# are Troupe's own folders. What is built stays for the next time.
set -euo pipefail
kind=$1 source=$2 build=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$build/consumer/$kind
prefix=$build/consumer/prefix
mkdir -p "$work"

# Paths differ between this build and the main one; without this the compiler cache would see nothing it knows.
export CCACHE_BASEDIR=$source CCACHE_NOHASHDIR=1

setting() { sed -n "s|^$1:[A-Z]*=||p" "$build/CMakeCache.txt"; }

case $kind in
  find_package | add_subdirectory)
    cmake -S "$here/$kind" -B "$work" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DTROUPE_SOURCE_DIR="$source" \
      -DTROUPE_SANITIZE="$(setting TROUPE_SANITIZE)" -DCMAKE_BUILD_TYPE="$(setting CMAKE_BUILD_TYPE)" \
      -DCMAKE_CXX_FLAGS="$(setting CMAKE_CXX_FLAGS)" \
      -DCMAKE_CXX_COMPILER_LAUNCHER="$(setting CMAKE_CXX_COMPILER_LAUNCHER)"
    cmake --build "$work" --target engine_consumer system_consumer
    ;;
  pkg_config)
    PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name troupe.pc)")
    export PKG_CONFIG_PATH
    read -ra flags <<<"$(pkg-config --cflags troupe)"
    read -ra libraries <<<"$(pkg-config --libs troupe)"
    for program in engine_consumer system_consumer; do
      g++ -std=c++20 "${flags[@]}" "$here/$program.cpp" -o "$work/$program" "${libraries[@]}"
    done
    ;;
  *)
    echo "unknown kind $kind" >&2
    exit 2
    ;;
esac
"$work/engine_consumer"
"$work/system_consumer"
