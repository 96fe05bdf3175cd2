#!/usr/bin/env bash
# Builds CoreDNS with the few plugins that tests/integration/test_discovery_dns.py uses into build/go-tools/bin/coredns.
# Says nothing when it is there. Its version is that of tests/go_tools/coredns/go.mod, a module of its own, so that its
# dependencies raise no version of the conformance tools'.
#
# Needs Go 1.19 or newer; installs Debian's where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

BIN=$PWD/build/go-tools/bin
BUILT=build/go-tools/coredns-$(cat tests/go_tools/coredns/{go.mod,go.sum,main.go} | sha256sum | cut -c -16)
[ -e "$BUILT" ] && [ -x "$BIN/coredns" ] && exit 0

command -v go >/dev/null || tests/install_dependencies.sh golang-go
mkdir -p "$BIN"
export GOFLAGS=-buildvcs=false GOWORK=off
(cd tests/go_tools/coredns && go build -o "$BIN/coredns" .) || { echo "install_coredns: CoreDNS does not build" >&2; exit 1; }
touch "$BUILT"
