#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# streaming.sh TOKENS OUTPUT: counts token text with Hadoop Streaming.
# The key is what stands before the first TAB: an n-gram. Token text has neither CR nor bytes that are
# not UTF-8, so the engine's line reader leaves it as it is; raw text must be tokenised before it.
# A program that fails fails its task; the programs and what they need travel with -files.
set -euo pipefail
: "${HADOOP_STREAMING:=$HADOOP_HOME/share/hadoop/tools/lib/hadoop-streaming.jar}"
hadoop jar "$HADOOP_STREAMING" \
  -files "$(command -v count-ngrams)" \
  -D stream.non.zero.exit.is.failure=true \
  -D mapreduce.job.output.key.comparator.class=org.apache.hadoop.mapreduce.lib.partition.KeyFieldBasedComparator \
  -input "$1" -output "$2" \
  -mapper './count-ngrams -n 3 -j 1 -S 512M -T .' \
  -combiner './count-ngrams --merge -j 1' \
  -reducer './count-ngrams --merge -j 1'
# Each part is sorted; all of them: hadoop fs -cat "$2/part-*" | LC_ALL=C sort
