#!/usr/bin/env bash
# Installs what building and testing naru needs and this system lacks. Says nothing when all is there.
#
#   tests/install_dependencies.sh                 what tests/run.sh and the quickstart need
#   tests/install_dependencies.sh PACKAGE...      only these, for other scripts (a|b: a, or b where there is no a)
#
# Debian 12, and newer Debian and Ubuntu by the unversioned names. Needs root or sudo only when something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# The first name is what the build is developed against, the others what newer systems call it.
BUILD_AND_TEST=(
  cmake ninja-build g++ ccache ca-certificates curl
  'libboost1.81-dev|libboost-dev' 'libboost-json1.81-dev|libboost-json-dev'
  libabsl-dev libyaml-cpp-dev libcli11-dev prometheus-cpp-dev zlib1g-dev
  libnghttp2-dev libc-ares-dev libssl-dev libgtest-dev libgmock-dev libbenchmark-dev
  dpkg-dev file binutils
  libgrpc++-dev protobuf-compiler-grpc protobuf-compiler libprotobuf-dev 'pkgconf|pkg-config'
  iproute2 python3 python3-pip python3-venv python3-pytest python3-grpcio python3-protobuf python3-h2 python3-jsonschema prometheus
)
LLHTTP_VERSION=9.3.0.0
LLHTTP_DIRECTORY=.deps/llhttp

say() { echo "install_dependencies: $*" >&2; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else
    say "needs root to run '$*': run it as root, or install sudo"
    return 1
  fi
}

# Prints the alternatives ("a|b") of which no package is installed.
missing_of() {
  local installed alternatives name
  # dpkg-query complains about names that it never heard of: exactly those are missing.
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' ${*//|/ } 2>/dev/null | sed -n 's/^installed //p' || true)
  for alternatives in "$@"; do
    for name in ${alternatives//|/ }; do
      grep -qxF "$name" <<<"$installed" && continue 2
    done
    echo "$alternatives"
  done
}

# Prints the first of the alternatives that apt could install, else fails.
available_of() {
  local name candidate
  for name in ${1//|/ }; do
    candidate=$(apt-cache policy "$name" | sed -n 's/^  Candidate: //p')
    [ -n "$candidate" ] && [ "$candidate" != "(none)" ] && { echo "$name"; return 0; }
  done
  say "no package ${1//|/ or } in this system's package lists: install it by hand and run this again"
  return 1
}

# A test machine needs the programs, not the services that Debian would start with them.
POLICY=/usr/sbin/policy-rc.d
apt_install() {
  local rc=0 log
  log=$(mktemp)
  if [ ! -e "$POLICY" ]; then
    trap 'as_root rm -f "$POLICY"' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod +x "$POLICY"
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null >"$log" 2>&1 || rc=$?
  [ "$rc" = 0 ] || { cat "$log" >&2; say "apt-get could not install: $*"; }
  rm -f "$log"
  return "$rc"
}

install_packages() {
  local missing names=() alternatives
  mapfile -t missing < <(missing_of "$@")
  [ ${#missing[@]} = 0 ] && return 0
  command -v apt-get >/dev/null || { say "this system has no apt-get; install by hand: ${missing[*]}"; return 1; }
  # One at a time: two parts of the tests may find something missing at once, and apt-get does not wait for itself.
  exec 9>>"${TMPDIR:-/tmp}/naru-install-dependencies.$(id -u).lock"
  flock 9
  as_root apt-get update -q </dev/null >/dev/null || say "apt-get update failed: trying with the lists that are there"
  for alternatives in "${missing[@]}"; do names+=("$(available_of "$alternatives")"); done
  say "installing ${names[*]}"
  apt_install "${names[@]}"
}

# llhttp is no Debian 12 package. PyPI's `llhttp` carries its C sources; newer systems have libllhttp-dev.
install_llhttp() {
  [ -f "$LLHTTP_DIRECTORY/.version-$LLHTTP_VERSION" ] && return 0
  [ -z "$(missing_of libllhttp-dev)" ] && return 0
  if apt-cache policy libllhttp-dev 2>/dev/null | grep -q 'Candidate: [0-9]'; then
    install_packages libllhttp-dev
    return
  fi
  say "fetching llhttp $LLHTTP_VERSION"
  local work
  work=$(mktemp -d)
  if ! python3 -m pip download -q --no-deps --no-binary :all: -d "$work" "llhttp==$LLHTTP_VERSION" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    say "pip could not download llhttp $LLHTTP_VERSION from the package index: is it reachable?"
    return 1
  fi
  tar -xzf "$work"/llhttp-*.tar.gz -C "$work" --strip-components=1
  mkdir -p "$LLHTTP_DIRECTORY"
  find "$work" \( -name llhttp.h -o -name llhttp.c -o -name api.c -o -name http.c \) -exec cp {} "$LLHTTP_DIRECTORY/" \;
  local file
  for file in llhttp.h llhttp.c api.c http.c; do
    [ -f "$LLHTTP_DIRECTORY/$file" ] || { say "llhttp $LLHTTP_VERSION from PyPI has no $file"; return 1; }
  done
  touch "$LLHTTP_DIRECTORY/.version-$LLHTTP_VERSION"
  rm -rf "$work"
}

if [ $# -gt 0 ]; then
  install_packages "$@"
else
  install_packages "${BUILD_AND_TEST[@]}"
  install_llhttp
fi
