#!/usr/bin/env bash
# Installs what is missing, builds naru and runs its tests: unit tests by ctest, then the real binary by pytest.
#
#   tests/run.sh           the release build
#   tests/run.sh --asan    the same tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   tests/run.sh --dev     the debug build, quickest to build again
#   tests/run.sh ... -- -k PATTERN     further words go to pytest, such as a pattern of test names
#
# Ends with a line "N passed, N failed", and with 1 when something failed.
set -uo pipefail
cd "$(dirname "$0")/.."

preset=release
while [ $# -gt 0 ]; do
  case "$1" in
    --asan) preset=asan ;;
    --dev) preset=dev ;;
    --) shift; break ;;
    -h|--help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "tests/run.sh: unknown option $1; see --help" >&2; exit 2 ;;
  esac
  shift
done
build=build/$preset
logs=$build/test-logs
jobs=$(nproc)

step() { printf '== %s\n' "$*"; }
give_up() { echo "tests/run.sh: $*" >&2; echo "0 passed, 1 failed"; exit 1; }

# Prints the python that has what the tests import: the one on PATH, Debian's, or one of a virtual environment made here.
python_for_tests() {
  local python
  for python in python3 /usr/bin/python3 build/venv/bin/python; do
    "$python" -c 'import pytest, grpc, google.protobuf, h2' 2>/dev/null && { echo "$python"; return; }
  done
  python3 -m venv build/venv >&2 && build/venv/bin/pip install -q pytest grpcio protobuf h2 >&2 && echo build/venv/bin/python
}

# Quiet on success, the log's end on failure.
quietly() {
  local log=$logs/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null && return
  tail -n 60 "$log" >&2
  echo "(the whole log: $log)" >&2
  return 1
}

step "installing what is missing"
tests/install_dependencies.sh || give_up "the dependencies could not be installed"
mkdir -p "$logs"

step "building ($preset)"
SECONDS=0
quietly configure cmake --preset "$preset" || give_up "cmake could not configure the build"
quietly build cmake --build --preset "$preset" -j "$jobs" || give_up "the build failed"
echo "   built in $SECONDS s"

step "unit tests"
SECONDS=0
ctest --test-dir "$build" -j "$jobs" --output-on-failure --no-tests=error >"$logs/ctest.log" 2>&1 </dev/null
unit_status=$?
# "98% tests passed, 2 tests failed out of 100"
read -r unit_failed unit_total < <(sed -n 's/.*tests passed, \([0-9]*\) tests\{0,1\} failed out of \([0-9]*\)$/\1 \2/p' "$logs/ctest.log")
unit_failed=${unit_failed:-1}
unit_total=${unit_total:-1}
[ "$unit_status" = 0 ] || grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed|^ +Start ' "$logs/ctest.log" | tail -n 200
echo "   $((unit_total - unit_failed)) passed, $unit_failed failed in $SECONDS s"

step "integration tests"
SECONDS=0
python=$(python_for_tests) || give_up "there is no python with pytest, grpc, protobuf and h2, and none could be installed"
[ "$preset" = asan ] && export NARU_TEST_PATIENCE="${NARU_TEST_PATIENCE:-30}"
export NARU_BINARY=${NARU_BINARY:-$PWD/$build/naru} PYTHONDONTWRITEBYTECODE=1

# Runs a part of the integration tests; pytest's 5, nothing there that matches the words given, is no failure here.
integration() {
  local part=$1
  shift
  "$python" -m pytest --tb=short --junitxml="$logs/$part.xml" "$@" >"$logs/$part.log" 2>&1 </dev/null
  local status=$?
  [ "$status" != 5 ] || { rm -f "$logs/$part.xml"; status=0; }
  return "$status"
}

# In two parts side by side, about equally long, as most of a test is waiting: for a process, for a TTL, for a tool.
second=(tests/integration/test_{discovery*,conformance,grpc,idle_close_race}.py)
rm -f "$logs"/first.xml "$logs"/second.xml
integration second "${second[@]}" "$@" &
integration first tests/integration "${second[@]/#/--ignore=}" "$@"
integration_status=$?
wait $! || integration_status=1
read -r integration_passed integration_failed < <("$python" - "$logs/first.xml" "$logs/second.xml" <<'PYTHON'
import os
import sys
import xml.etree.ElementTree
passed, failed = 0, 0
for path in filter(os.path.exists, sys.argv[1:]):
    suite = xml.etree.ElementTree.parse(path).getroot().find("testsuite")
    wrong = int(suite.get("failures")) + int(suite.get("errors"))
    passed += int(suite.get("tests")) - wrong - int(suite.get("skipped"))
    failed += wrong
print(passed, failed if passed + failed else 1)
PYTHON
)
[ "$integration_status" = 0 ] || { [ "$integration_failed" = 0 ] && integration_failed=1; tail -n 300 "$logs/first.log" "$logs/second.log"; }
echo "   $integration_passed passed, $integration_failed failed in $SECONDS s"

failed=$((unit_failed + integration_failed))
echo "$((unit_total - unit_failed + integration_passed)) passed, $failed failed"
[ "$failed" = 0 ] && [ "$unit_status" = 0 ] && [ "$integration_status" = 0 ]
