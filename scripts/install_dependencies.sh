#!/usr/bin/env bash
# Installs what building and testing Troupe needs, on Debian 12 and 13. Does nothing when everything is there.
# Runs as root or with sudo, asks no questions. With --list it prints the packages and changes nothing.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache pkg-config git ca-certificates
  libcaf-dev libcapnp-dev capnproto libssl-dev libxxhash-dev
  libonnx-dev libprotobuf-dev protobuf-compiler
  libvulkan-dev mesa-vulkan-drivers vulkan-validationlayers glslc spirv-tools
  libfmt-dev nlohmann-json3-dev libcli11-dev libstb-dev libutf8proc-dev catch2
  python3 python3-numpy python3-onnx
)

if [[ ${1:-} == --list ]]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

distribution=unknown
version=
if [[ -r /etc/os-release ]]; then
  distribution=$(sed -n 's/^ID=//p' /etc/os-release | tr -d '"')
  version=$(sed -n 's/^VERSION_ID=//p' /etc/os-release | tr -d '"')
fi
if ! command -v dpkg-query apt-get >/dev/null; then
  echo "install_dependencies: this is ${distribution} ${version}; the script knows Debian 12 and 13 only." >&2
  echo "Install what these Debian packages hold, then run scripts/build.sh: ${packages[*]}" >&2
  exit 1
fi

installed=$(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null |
  awk '$2 == "installed" { print $1 }' || true)
missing=()
for package in "${packages[@]}"; do
  grep --quiet --line-regexp --fixed-strings -- "$package" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  echo "install_dependencies: nothing to install"
  exit 0
fi

if [[ $distribution != debian || ! $version =~ ^1[23]$ ]]; then
  echo "install_dependencies: this is ${distribution} ${version}, tested are Debian 12 and 13; trying all the same." >&2
fi
as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install_dependencies: neither root nor sudo; ask an administrator to install: ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "install_dependencies: installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --quiet -o DPkg::Lock::Timeout=300)
"${apt[@]}" update || echo "install_dependencies: could not refresh the package lists; using those that are there" >&2
"${apt[@]}" install --yes --no-install-recommends "${missing[@]}"
echo "install_dependencies: done"
