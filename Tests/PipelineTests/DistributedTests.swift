// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@Test func `shards counted apart and merged are the bytes of one process`() throws {
  let outcome = try Scratch().run(
    "make -s -j 2 -C $examples/21-distributed OUT=$PWD/out MERGES=50 SHARDS=3 "
      + "TEXT=$examples/pigs.txt; cat out/21-distributed/compared.txt")
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  #expect(outcome.text.contains("one process: merged.counts"))
  #expect(outcome.text.contains("one process: sorted.counts"))
}

/// A scratch folder with a command of this name in front of all others.
private func scratch(with name: String, _ script: String) throws -> Scratch {
  let scratch = try Scratch()
  try scratch.write(name, "#!/bin/bash\nset -euo pipefail\n" + script)
  let outcome = try scratch.run("mkdir bin; chmod +x \(name); mv \(name) bin")
  try #require(outcome.status == 0)
  return scratch
}

/// What sbatch does with the jobs of the example, here at once: a task for each number of the array,
/// and a job that depends on another only where that one succeeded.
private let fakeSbatch = #"""
  first=1 last=1
  while [[ $1 == -* ]]; do
    case $1 in
      --parsable) ;;
      --array=*) range=${1#*=}; first=${range%-*} last=${range#*-} ;;
      --dependency=afterok:*) [ -e "done.${1##*:}" ] || exit 1 ;;
      *) exit 64 ;;
    esac
    shift
  done
  id=$(find . -name "done.*" | wc -l)
  for SLURM_ARRAY_TASK_ID in $(seq $first $last); do
    export SLURM_ARRAY_TASK_ID; bash "$@" < /dev/null > /dev/null
  done
  touch done.$id; echo $id

  """#

@Test func `the Slurm array makes the model of one process, and a failed task stops it`() throws {
  let outcome = try scratch(with: "sbatch", fakeSbatch).run(
    """
    export PATH=$PWD/bin:$PATH; jobs=$examples/21-distributed/slurm
    for i in 1 2 3 4; do cat $examples/pigs.txt; done | split -d -n r/3 - shard.
    ls shard.* > shards.txt
    bpe-learn -n 20 $examples/pigs.txt -o merges
    count=$(sbatch --parsable --array=1-$(wc -l < shards.txt) $jobs/count.sbatch)
    sbatch --dependency=afterok:$count $jobs/merge.sbatch
    cat shard.?? | tokenize -m merges -b | count-ngrams -n 3 -b | estimate-ngrams -b |
      cmp - model && echo same
    # A task whose shard is missing fails, and what depends on it does not run.
    echo gone >> shards.txt; rm model
    count=$(sbatch --parsable --array=1-4 $jobs/count.sbatch) || echo failed
    sbatch --dependency=afterok:$count $jobs/merge.sbatch || test ! -e model && echo none
    """)
  #expect(
    outcome.lines.suffix(3) == ["same", "failed", "none"],
    "\(outcome.text)\(outcome.errorOutput)")
}

@Test func `a Slurm job stopped by its time limit queues itself again`() throws {
  let outcome = try scratch(with: "scontrol", "echo \"$@\" >> requests").run(
    """
    export PATH=$PWD/bin:$PATH SLURM_JOB_ID=7
    tokenize --words $examples/pigs.txt > tokens
    settings='-q --hidden 16 --embed 8 --epochs 200 --log log --log-every 1'
    bash $examples/21-distributed/slurm/train.sbatch $settings & job=$!
    until [ -s log ]; do sleep 0.05; kill -0 $job || exit 1; done; kill -TERM $job; wait $job
    test "$(cat requests)" = 'requeue 7' && test ! -e model && echo stopped
    bash $examples/21-distributed/slurm/train.sbatch $settings
    train-rnn $settings tokens | cmp - model && echo same
    """)
  #expect(outcome.lines == ["stopped", "same"], "\(outcome.text)\(outcome.errorOutput)")
}

/// The contract of Hadoop Streaming: files are cut at ends of lines, each cut goes through the mapper in
/// a folder of its own that holds the files of -files, its lines are sorted by key and combined, keys are
/// dealt to reducers, each of which reads its own sorted. Environment and standard input are its own.
private let fakeHadoop = #"""
  shift 2
  while [ $# -gt 0 ]; do
    case $1 in
      -files) files=${2//,/ } ;; -D) ;;
      -input) input=$2 ;; -output) output=$2 ;;
      -mapper) mapper=$2 ;; -combiner) combiner=$2 ;; -reducer) reducer=$2 ;;
      *) exit 64 ;;
    esac
    shift 2
  done
  task() { (cd "$1"; shift; env -i LC_ALL=C bash -c "exec $*"); }
  mkdir "$output"; work=$PWD/work; mkdir -p $work/cut
  split -n l/3 -d "$input" $work/cut/
  for cut in $work/cut/*; do
    folder=$work/map.${cut##*/}; mkdir $folder; cp $files $folder
    task $folder "$mapper" < $cut | LC_ALL=C sort -t $'\t' -k 1,1 -s > $folder.sorted
    task $folder "$combiner" < $folder.sorted |
      awk -F '\t' -v to="$folder.part" '{ print > (to length($1) % 2) }'
  done
  for part in 0 1; do
    folder=$work/reduce.$part; mkdir $folder; cp $files $folder
    cat $work/map.*.part$part | LC_ALL=C sort -t $'\t' -k 1,1 -s |
      task $folder "$reducer" > "$output/part-0000$part"
  done

  """#

@Test func `Hadoop Streaming counts what one process counts`() throws {
  let outcome = try scratch(with: "hadoop", fakeHadoop).run(
    """
    export PATH=$PWD/bin:$PATH HADOOP_HOME=/opt/hadoop
    for i in 1 2 3 4; do cat $examples/pigs.txt; done | tokenize --words > tokens
    bash $examples/21-distributed/hadoop/streaming.sh $PWD/tokens $PWD/out
    test -s out/part-00000 && test -s out/part-00001 || exit 1
    cat out/part-* | LC_ALL=C sort | cmp - <(count-ngrams -n 3 tokens) && echo same
    """)
  #expect(outcome.text == "same\n", "\(outcome.errorOutput)")
}
