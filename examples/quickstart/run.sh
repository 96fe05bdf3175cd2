#!/usr/bin/env bash
# Shows naru at work: builds it, starts services of two squads and the sidecar, calls them while one endpoint dies and
# another gets slow, and prints what happened.
#
#   examples/quickstart/run.sh           ends by itself and leaves nothing running
#   examples/quickstart/run.sh --keep    stays up to play with, until Ctrl-C
#
# With NARU_BINARY set, that one is run and nothing is built or installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

keep=
case "${1:-}" in
  "") ;;
  --keep) keep=--keep ;;
  -h|--help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "quickstart: unknown option $1; there is only --keep" >&2; exit 2 ;;
esac

mkdir -p build/quickstart
naru=${NARU_BINARY:-build/release/naru}
if [ -z "${NARU_BINARY:-}" ]; then
  tests/install_dependencies.sh
  if [ ! -x "$naru" ]; then echo "Building naru; the first time takes some minutes."; fi
  # Configured before means a second run only asks ninja whether anything changed.
  { { [ -f build/release/build.ninja ] || cmake --preset release; } && cmake --build --preset release --target naru; } \
    >build/quickstart/build.log 2>&1 </dev/null || {
    tail -n 40 build/quickstart/build.log >&2
    echo "quickstart: naru does not build; the whole log is build/quickstart/build.log" >&2
    exit 1
  }
fi
exec python3 examples/quickstart/quickstart.py --naru "$naru" --work build/quickstart $keep
