#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run.sh [SECONDS] [TARGET ...]: fuzzes each parser for that long; stops at the first finding.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
build=.build/fuzz
export CHAINRULE_FUZZ=1 SWIFT_BACKTRACE=enable=no
swift build -c release --scratch-path $build --sanitize fuzzer --sanitize address --product fuzz
fuzz=$build/release/fuzz
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] ||
  mapfile -t targets < <(sed -n 's/.*FuzzTarget(name: "\(.*\)").*/\1/p' Tests/FuzzTargets/*.swift)
for target in "${targets[@]}"; do
  corpus=$build/corpus/$target
  mkdir -p "$corpus" "$build/findings"
  echo "fuzz: $target"
  FUZZ_TARGET=$target FUZZ_SEEDS=$corpus timeout $((seconds + 60)) "$fuzz" "$corpus" \
    -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=2048 -malloc_limit_mb=512 -timeout=10 \
    -print_final_stats=1 -artifact_prefix="$build/findings/$target-" 2>&1 |
    grep -E "ERROR|SUMMARY|Fatal|stat::number_of_executed|stat::peak|Test unit|rror:" || true
  [ "${PIPESTATUS[0]}" = 0 ]
done
