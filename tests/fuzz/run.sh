#!/usr/bin/env bash
# Lets libFuzzer look for inputs that break naru's parsers: installs clang, builds every fuzzer with ASan and UBSan, and runs
# each from its corpus.
#
#   tests/fuzz/run.sh                       a minute for each
#   tests/fuzz/run.sh --seconds 3600 http2  an hour for http2_fuzzer alone
#
# Inputs that reached new code are kept in build/fuzz/found/NAME for the next run; one that broke something is written to
# build/fuzz/broken/NAME-*: put it into tests/fuzz/corpus/NAME, where the unit tests feed it to every build. Ends with 1 then.
set -uo pipefail
cd "$(dirname "$0")/../.."

seconds=60
names=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?how many seconds?}; shift ;;
    -h|--help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "tests/fuzz/run.sh: unknown option $1; see --help" >&2; exit 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
for name in "${names[@]}"; do
  [ -d "tests/fuzz/corpus/$name" ] && continue
  echo "tests/fuzz/run.sh: there is no $name in tests/fuzz/corpus: $(ls -m tests/fuzz/corpus)" >&2
  exit 2
done
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(ls tests/fuzz/corpus)

# The coroutines of C++20 as libstdc++ has them need clang 16; Debian 12 has it beside its default, newer systems have 18 or 19.
tests/install_dependencies.sh && tests/install_dependencies.sh 'clang-19|clang-18|clang-17|clang-16' || exit 1
clang=$(ls /usr/bin/clang-[0-9]* | sort -V | tail -n 1)
version=${clang##*-}
tests/install_dependencies.sh "libclang-rt-$version-dev" || exit 1

log=build/fuzz/build.log
mkdir -p build/fuzz
fuzzers=("${names[@]/%/_fuzzer}")
if ! { cmake --preset fuzz -DCMAKE_C_COMPILER="$clang" -DCMAKE_CXX_COMPILER="${clang/clang-/clang++-}" &&
       cmake --build --preset fuzz -j "$(nproc)" --target "${fuzzers[@]}"; } >"$log" 2>&1 </dev/null; then
  tail -n 40 "$log" >&2
  exit 1
fi

broken=0
mkdir -p build/fuzz/broken
for name in "${names[@]}"; do
  found=build/fuzz/found/$name
  mkdir -p "$found"
  log=build/fuzz/$name.log
  if "build/fuzz/tests/fuzz/${name}_fuzzer" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="build/fuzz/broken/$name-" "$found" "tests/fuzz/corpus/$name" >"$log" 2>&1 </dev/null; then
    echo "$name: $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log") inputs tried, nothing found"
  else
    broken=1
    grep -E 'ERROR|runtime error|Test unit written' "$log" >&2 || tail -n 20 "$log" >&2
    echo "$name: BROKEN, see $log" >&2
  fi
done
exit $broken
