#!/usr/bin/env bash
# Builds the programs in Go that the integration tests run into build/go-tools/bin: h2spec, gRPC's interop_client and
# interop_server, and our xds_server around go-control-plane. Says nothing when they are there. Versions are those of
# tests/go_tools/go.mod.
#
# Needs Go 1.19 or newer; installs Debian's where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

BIN=$PWD/build/go-tools/bin
BUILT=build/go-tools/built-$(cat tests/go_tools/go.{mod,sum} tests/go_tools/xds_server/*.go tests/install_go_tools.sh | sha256sum | cut -c -16)
[ -e "$BUILT" ] && exit 0

command -v go >/dev/null || tests/install_dependencies.sh golang-go
mkdir -p "$BIN"
export GOFLAGS=-buildvcs=false GOWORK=off
cd tests/go_tools
build() { go build -o "$BIN/$1" "$2" || { echo "install_go_tools: $1 does not build" >&2; exit 1; }; }
build h2spec github.com/summerwind/h2spec/cmd/h2spec
build interop_client google.golang.org/grpc/interop/client
build interop_server google.golang.org/grpc/interop/server
build xds_server ./xds_server
cd ../..
touch "$BUILT"
