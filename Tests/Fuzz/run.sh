#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [SECONDS] [TARGET ...]: fuzzes each parser for that long; stops at the first finding.
# What was run is added up in .build-fuzz/executions: target, inputs tried, peak memory in MB.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
build=.build-fuzz
export CHAINRULE_FUZZ=1 SWIFT_BACKTRACE=enable=no
# Of two -sanitize options the compiler takes the last, and measures no coverage: the third has both.
swift build -c release --scratch-path $build --sanitize fuzzer --sanitize address --product fuzz \
  -Xswiftc -sanitize=fuzzer,address
fuzz=$build/release/fuzz
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] ||
  mapfile -t targets < <(sed -n 's/.*FuzzTarget(name: "\(.*\)").*/\1/p' Tests/FuzzTargets/*.swift)
mkdir -p $build/findings
for target in "${targets[@]}"; do
  corpus=$build/corpus/$target
  mkdir -p "$corpus"
  status=0
  FUZZ_TARGET=$target FUZZ_SEEDS=$corpus nice -n 19 "$fuzz" "$corpus" \
    -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=2048 -malloc_limit_mb=512 -timeout=100 \
    -print_final_stats=1 -artifact_prefix="$build/findings/$target-" > $build/log 2>&1 || status=$?
  if grep -q "no interesting inputs were found" $build/log; then
    echo "fuzz: $target is not instrumented for coverage" >&2
    exit 1
  fi
  tried=$(sed -n 's/stat::number_of_executed_units: *//p' $build/log)
  peak=$(sed -n 's/stat::peak_rss_mb: *//p' $build/log)
  printf '%s\t%s\t%s\n' "$target" "${tried:-0}" "${peak:-0}" | tee -a $build/executions
  if [ $status != 0 ]; then
    grep -aE "ERROR|SUMMARY|Fatal|Test unit" $build/log >&2
    exit $status
  fi
done
