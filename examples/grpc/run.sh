#!/usr/bin/env bash
# Shows gRPC through naru: builds it, starts three endpoints of a service and the sidecar, calls them, and prints what
# happened.
#
#   examples/grpc/run.sh    ends by itself and leaves nothing running
#
# With NARU_BINARY set, that one is run and nothing is built or installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

case "${1:-}" in
  "") ;;
  -h|--help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "grpc example: unknown option $1; there is none" >&2; exit 2 ;;
esac

work=$(mktemp -d)
naru=${NARU_BINARY:-build/release/naru}
if [ -z "${NARU_BINARY:-}" ]; then
  tests/install_dependencies.sh
  if [ ! -x "$naru" ]; then echo "Building naru; the first time takes some minutes."; fi
  { { [ -f build/release/build.ninja ] || cmake --preset release; } && cmake --build --preset release --target naru; } \
    >"$work/build.log" 2>&1 </dev/null || {
    tail -n 40 "$work/build.log" >&2
    echo "grpc example: naru does not build; the whole log is $work/build.log" >&2
    exit 1
  }
fi

python=
for each in python3 /usr/bin/python3; do
  "$each" -c 'import grpc' 2>/dev/null && { python=$each; break; }
done
[ -n "$python" ] || { echo "grpc example: no python3 here has grpc; tests/install_dependencies.sh installs Debian's" >&2; exit 1; }

processes=()
stop() {
  [ ${#processes[@]} = 0 ] || { kill "${processes[@]}" && wait "${processes[@]}"; } 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

# wait_until WHAT COMMAND...: fails with what was waited for after 15 seconds.
wait_until() {
  local what=$1 tries=300
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "grpc example: waited in vain until $what" >&2; cat "$work"/*.log >&2; exit 1; }
    sleep 0.05
  done
}

start_service() {
  "$python" examples/grpc/service.py "$1" "$work/$1.port" "${@:2}" >"$work/$1.log" 2>&1 </dev/null &
  processes+=($!)
}
start_service courses-1
start_service courses-2 10
start_service courses-3
for name in courses-1 courses-2 courses-3; do wait_until "$name listens" test -e "$work/$name.port"; done

# Ports of the system's choice, given back for naru to take.
read -r NARU_PORT NARU_ADMIN_PORT < <("$python" -c '
import socket
both = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[each.getsockname()[1] for each in both])')
COURSES_1=$(<"$work/courses-1.port") COURSES_2=$(<"$work/courses-2.port") COURSES_3=$(<"$work/courses-3.port")
export NARU_PORT NARU_ADMIN_PORT COURSES_1 COURSES_2 COURSES_3
"$naru" run -c examples/grpc/naru.yaml >"$work/naru.log" 2>&1 </dev/null &
processes+=($!)
ready() { "$naru" healthcheck --admin "http://127.0.0.1:$NARU_ADMIN_PORT" >/dev/null 2>&1; }
wait_until "naru is ready" ready

echo "Started courses (squad learning, 3 endpoints) and naru."
"$python" examples/grpc/caller.py "$NARU_PORT" "$NARU_ADMIN_PORT"
