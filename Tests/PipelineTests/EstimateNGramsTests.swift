// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The built programs `count-ngrams` and `estimate-ngrams`.
@Suite struct EstimateNGramsTests {
  private func scratch() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.write("pigs.txt", pigs.map { $0 + "\n" }.joined())
    return scratch
  }

  @Test func textAndBinaryFormsLeadToEachOther() throws {
    let outcome = try scratch().run(
      """
      for method in mle laplace=0.5 witten-bell kneser-ney modified-kneser-ney; do
        count-ngrams -n 3 pigs.txt > c
        estimate-ngrams -q --smoothing $method c > text
        estimate-ngrams -q --smoothing $method -b c > binary
        estimate-ngrams -m text -b | cmp - binary
        estimate-ngrams -m binary | cmp - text
        estimate-ngrams -m - < binary | cmp - text
        estimate-ngrams -q --smoothing $method -j1 c | cmp - text
        count-ngrams -b -n 3 pigs.txt | estimate-ngrams -q --smoothing $method | cmp - text
        shuf c | estimate-ngrams -q --smoothing $method | cmp - text
      done
      """)
    #expect(outcome.status == 0)
    #expect(outcome.text == "" && outcome.errorOutput == "")
  }

  @Test func discountsAndFallBacksAreSaid() throws {
    let outcome = try scratch().run(
      "count-ngrams -n 2 pigs.txt | estimate-ngrams -v -o m")
    #expect(outcome.status == 0)
    #expect(outcome.errorOutput.contains("order 1: "))
    let quiet = try scratch().run("count-ngrams -n 2 pigs.txt | estimate-ngrams -q -o m")
    #expect(quiet.errorOutput == "")
  }

  @Test func wrongUseIsRefused() throws {
    func expect(_ script: String, _ status: Int32, _ message: String) throws {
      let outcome = try scratch().run(script)
      #expect(outcome.status == status)
      #expect(outcome.errorOutput.contains(message), "\(outcome.errorOutput)")
    }
    try expect("count-ngrams -n 2 pigs.txt | estimate-ngrams -n 3", 1, "order 3 is above")
    try expect("printf 'a b\\t1\\nc\\t1\\n' | estimate-ngrams", 1, "<stdin>:2: ")
    try expect("printf 'a <s>\\t1\\n' | estimate-ngrams", 1, "ends in <s>")
    try expect("estimate-ngrams --smoothing magic", 64, "magic")
    try expect(
      "count-ngrams -n 2 pigs.txt | estimate-ngrams --smoothing interpolate=1", 1, "1 weights")
    try expect("estimate-ngrams --prune 2,1 < pigs.txt", 64, "prune")
    try expect("echo old > m; estimate-ngrams -m pigs.txt -o m; s=$?; cat m; exit $s", 1, ":1: ")
  }

  @Test func weightsOfOrdersComeFromHeldOutText() throws {
    let outcome = try scratch().run(
      """
      head -6 pigs.txt > train; tail -2 pigs.txt > held-out; count-ngrams -n 3 train > c
      estimate-ngrams -v --smoothing interpolate --held-out held-out c > em 2> log
      sed 's/.*interpolate=//; s/,/\\n/g' log
      for w in 0.2,0.8,0 0.3,0.7,0 0.25,0.7,0.05 0.4,0.3,0.3; do
        estimate-ngrams --smoothing interpolate=$w c > $w; done
      for m in em 0.*; do score -m $m held-out | grep ^perplexity_known | cut -f2; done
      """)
    let values = outcome.lines.map { Double($0)! }
    try #require(values.count == 8, "\(outcome.text)\(outcome.errorOutput)")
    #expect(abs(values[..<3].reduce(0, +) - 1) < 1e-9)
    // The weights of the maximum are as good as any.
    #expect(values[4...].allSatisfy { values[3] <= $0 + 1e-9 })
  }

  @Test func theVocabularyIsOpenWhereTheFieldHasItSo() throws {
    let outcome = try scratch().run(
      """
      count-ngrams -n 2 pigs.txt > c
      for options in '' '--no-open-vocabulary' '--smoothing witten-bell' \
        '--smoothing witten-bell --open-vocabulary'; do
        estimate-ngrams -q $options c | awk '$2 == "<unk>" { print ($1 > -99) }'
      done
      """)
    #expect(outcome.lines == ["1", "0", "0", "1"], "\(outcome.errorOutput)")
  }

  @Test func countsWithoutALineHaveADefinedModel() throws {
    let outcome = try scratch().run(
      """
      for s in laplace=1 witten-bell katz interpolate=0.5,0.5 modified-kneser-ney; do
        count-ngrams -n 2 < /dev/null | estimate-ngrams -q --smoothing $s > m
        echo | score -m m --prob
      done
      for s in mle stupid=0.4; do estimate-ngrams --smoothing $s < /dev/null; echo $?; done
      """)
    let values = outcome.lines.map { Double($0)! }
    try #require(values.count == 7, "\(outcome.errorOutput)")
    // The Kneser-Ney family is kept in single precision; the last two are statuses.
    for (value, expected) in zip(values, [1, 1, 1, 1, 0.5, 1, 1]) {
      #expect(abs(value - expected) < 1e-6)
    }
    #expect(outcome.errorOutput.contains("estimate-ngrams: no counts, of which mle could take"))
  }

  @Test func pruningLeavesRareNGramsOut() throws {
    let outcome = try scratch().run(
      "count-ngrams -n 3 pigs.txt | estimate-ngrams -q --prune 0,1 | grep -c ^ngram; "
        + "count-ngrams -n 3 pigs.txt | estimate-ngrams -q --prune 0,1 | sed -n '/^ngram/p'")
    #expect(outcome.lines == ["3", "ngram 1=16", "ngram 2=11", "ngram 3=4"])
  }

  /// 40 000 lines in which words are the rarer the longer, and their 4-grams.
  private static let corpus = """
    awk 'BEGIN { srand(1); for (i = 0; i < 40000; ++i) { n = 3 + int(9 * rand()); s = "w"; \
      for (j = 0; j < n; ++j) s = s " w" int(exp(9 * rand())); print s } }' > corpus
    count-ngrams -n4 -b corpus > c

    """

  @Test(
    arguments: [
      "", "--smoothing kneser-ney", "--smoothing witten-bell", "--smoothing katz",
      "--prune 0,0,1", "--smoothing backoff=0.5 --prune 0,1",
    ])
  func neitherMemoryNorThreadsNorOrderChangeAModel(options: String) throws {
    // With 1 KB all goes through temporary files, values too.
    let outcome = try scratch().run(
      EstimateNGramsTests.corpus + """
        estimate-ngrams -q \(options) c > model
        grep -c . model
        mkdir t
        estimate-ngrams -q \(options) -S1K -T t c | cmp - model
        estimate-ngrams -q \(options) -j1 c | cmp - model
        estimate-ngrams -q \(options) -j5 -S20M c | cmp - model
        estimate-ngrams -m model -b > binary
        estimate-ngrams -qb \(options) -S1K -T t c | cmp - binary
        estimate-ngrams -qb \(options) -j5 -S20M c | cmp - binary
        count-ngrams --merge c | shuf > text
        split -n l/3 text part
        estimate-ngrams -q \(options) -S1K partab partac partaa | cmp - model
        ls t
        """)
    #expect(outcome.status == 0 && outcome.errorOutput == "")
    #expect(outcome.lines.count == 1 && Int(outcome.lines[0])! > 10_000)
  }

  @Test(
    .enabled(if: !Scratch.isSanitized),
    arguments: [
      // Nine orders of about 270 000 n-grams each: far above the 24 MB.
      (EstimateNGramsTests.corpus, 9, 24),
      // 200 000 words, which take more than a third of the 40 MB by themselves.
      (
        """
        awk 'BEGIN { for (i = 0; i < 200000; i++)
          print "word" i, "word" i * 7919 % 200000, "word" i * 104729 % 200000 }' > corpus

        """, 3, 40
      ),
    ])
  func memoryIsHeldTo(corpus: String, order: Int, megabytes: Int) throws {
    let outcome = try scratch().run(
      corpus + """
        count-ngrams -n\(order) -b corpus > c
        for program in "count-ngrams -n\(order) corpus" "estimate-ngrams -q c" "estimate-ngrams -qb c" \
          "count-ngrams --merge -b c c c c" "count-ngrams -n\(order) --add c -b corpus"; do
          $program -S\(megabytes)M > /dev/null & process=$!; peak=0
          while now=$(awk '/VmHWM/ { print $2 }' /proc/$process/status 2> /dev/null) && [ "$now" ]
          do peak=$now; sleep 0.01; done
          wait $process; echo $? $peak
        done
        """)
    for line in outcome.lines {
      let numbers = line.split(separator: " ").map { Int($0)! }
      #expect(numbers[0] == 0)
      #expect(numbers[1] < megabytes * 1024 * 105 / 100, "KB, of \(megabytes) MB and 5 %")
    }
    #expect(outcome.lines.count == 5)
  }

  @Test func discountsAreReadAsTheyAreSaid() throws {
    let outcome = try scratch().run(
      EstimateNGramsTests.corpus + """
        estimate-ngrams -v c -o model 2> discounts
        estimate-ngrams --discounts discounts c | cmp - model
        grep 'order [12]' discounts > some; estimate-ngrams --discounts some c | cmp - model
        echo 'order 4: discounts 0.1 0.2 0.3' > other
        estimate-ngrams -q --discounts other c | cmp -s - model || echo different
        echo 'order 2: discounts 0.5 9 1' | estimate-ngrams --discounts - c; echo $?
        echo '0.5 9 1' | estimate-ngrams --discounts - c; echo $?
        estimate-ngrams --discounts other --smoothing katz c; echo $?
        """)
    #expect(outcome.text == "different\n1\n1\n64\n")
    let errors = outcome.errorOutput
    #expect(errors.contains("<stdin>:1: the discount of count 2 is not between 0 and 2"))
    #expect(errors.contains("<stdin>:1: '0.5 9 1' is no line of discounts"))
  }

  @Test func vocabularyIsLimitedByCountAndByList() throws {
    let outcome = try scratch().run(
      """
      count-ngrams -n 2 pigs.txt > c
      estimate-ngrams -q --min-count 3 c | grep -c '^-.*\t[a-z.?]*\t'
      printf 'pigs\neat\n' > list
      estimate-ngrams -q --vocabulary list c | sed -n '/1-grams/,/^$/p' | cut -f2
      """)
    #expect(outcome.status == 0)
    #expect(Set(outcome.lines.dropFirst(2)) == ["<unk>", "<s>", "</s>", "eat", "pigs"])
  }

  @Test func everyKindOfBadInputIsDefined() throws {
    func expect(_ script: String, _ text: String, _ message: String = "") throws {
      let outcome = try scratch().run(script)
      #expect(outcome.text == text, "\(script): \(outcome.errorOutput)")
      #expect(
        message.isEmpty || outcome.errorOutput.contains(message),
        "\(script): \(outcome.errorOutput)")
    }
    // An empty corpus has no counts, and a model of </s> alone; one empty line has one token, </s>.
    try expect("count-ngrams -n3 < /dev/null; echo $?", "0\n")
    try expect("estimate-ngrams -q < /dev/null | grep -c '</s>'", "1\n")
    try expect("estimate-ngrams --smoothing mle < /dev/null; echo $?", "1\n", "no counts")
    try expect("echo | count-ngrams -n2 | estimate-ngrams -q | grep -c '</s>'", "2\n")
    // One word, once and ten thousand times: discounts fall back, and a warning says so.
    try expect("echo a | count-ngrams -n3 | estimate-ngrams -o m; echo $?", "0\n", "fall back")
    try expect(
      "yes a | head -10000 | count-ngrams -n5 | estimate-ngrams -q | score -m - /dev/null | wc -l",
      "10\n")
    // A line of ten million bytes, of one word and of many; a corpus that is one line.
    try expect(
      "{ head -c 10000000 /dev/zero | tr '\\0' x; echo; } > l; count-ngrams -n2 l | "
        + "estimate-ngrams -q | wc -c | awk '{ print ($1 > 30000000) }'", "1\n")
    try expect(
      "seq 1300000 | tr '\\n' ' ' > l; count-ngrams -n2 -S4M l | wc -l", "1300001\n")
    // NUL and CR are bytes of words like others.
    try expect(
      "printf 'a\\0b c\\r\\n' | count-ngrams -n1 --no-eos", "a\\x00b\t1\nc\\x0D\t1\n")
    // What does not fit together.
    try expect(
      "printf 'b\\t1\\na\\t1\\n' | count-ngrams --merge; echo $?", "1\n",
      "<stdin>:2: not in byte order")
    try expect("printf 'a <s> b\\t1\\n' | estimate-ngrams; echo $?", "1\n", "after another token")
    try expect(
      "count-ngrams -n3 -b pigs.txt > b; head -c 200 b > cut; estimate-ngrams cut -o m; echo $?; "
        + "ls m", "1\n", "cut")
    try expect(
      "count-ngrams -n3 -b -l0 pigs.txt > b; printf X | dd of=b bs=1 seek=400 conv=notrunc "
        + "2> d; estimate-ngrams b -o m; echo $?", "1\n", "b:")
    // Readers that go, and disks that are full: a limit on file sizes stands for one.
    try expect(
      EstimateNGramsTests.corpus
        + "estimate-ngrams -q c | head -1 > h; echo ${PIPESTATUS[0]}; "
        + "estimate-ngrams -q c > /dev/full; echo $?; echo old > m; "
        + "(trap '' XFSZ; ulimit -f 100; estimate-ngrams -q -S1K -T . c -o m); echo $?; cat m",
      "141\n1\n1\nold\n", ": a temporary file of")
  }
}
