#!/usr/bin/env bash
# Builds a real Consul agent and runs tests/integration/test_discovery_consul.py against it, in place of the scripted one.
#
#   tests/integration/real_consul/run.sh [PYTEST ARGUMENTS...]
#
# Not a part of CI: the first build takes many minutes. It needs a release build of naru, root (for a network namespace)
# and Go 1.22.5 or newer.
#
# The version is pinned in go.mod (`@latest` is a release of 2017). Consul is licensed under the Business Source License
# 1.1 since 1.17, so it is a dependency of this test only: built where the test runs, never linked, never shipped.
set -euo pipefail
cd "$(dirname "$0")/../../.."

BIN=$PWD/build/real-consul/consul
BUILT=build/real-consul/built-$(cat tests/integration/real_consul/go.{mod,sum} | sha256sum | cut -c -16)
if [ ! -e "$BUILT" ]; then
  command -v go >/dev/null || { echo "real_consul: needs Go 1.22.5 or newer" >&2; exit 1; }
  mkdir -p build/real-consul
  (cd tests/integration/real_consul &&
     GOFLAGS=-buildvcs=false GOWORK=off go build -o "$BIN" github.com/hashicorp/consul) ||
    { echo "real_consul: the agent does not build" >&2; exit 1; }
  touch "$BUILT"
fi
"$BIN" version

python=python3
"$python" -c 'import pytest' 2>/dev/null || python=build/venv/bin/python
export NARU_BINARY=${NARU_BINARY:-$PWD/build/release/naru} NARU_REAL_CONSUL=$BIN PYTHONDONTWRITEBYTECODE=1
"$python" -m pytest tests/integration/test_discovery_consul.py tests/integration/real_consul/acl_cases.py -m "not scripted" "$@"
