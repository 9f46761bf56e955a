// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

/// A scratch folder with maximum-likelihood models of the toy corpus: `1.lm` to `4.lm` by order.
private func models() throws -> Scratch {
  let scratch = try Scratch()
  let outcome = try scratch.run(
    """
    cp $examples/pigs.txt .
    for n in 1 2 3 4; do
      count-ngrams -n $n < pigs.txt | estimate-ngrams --smoothing mle > $n.lm
    done
    printf '%s\\n' 'what do pigs eat ?' 'pigs eat what do ?' > ab
    """)
  try #require(outcome.status == 0, "\(outcome.errorOutput)")
  return scratch
}

/// The number in a row `name<TAB>number` of a summary.
private func quantity(_ name: String, in outcome: Outcome) -> Double? {
  for line in outcome.lines where line.hasPrefix("\(name)\t") {
    return Double(line.dropFirst(name.count + 1))
  }
  return nil
}

@Test func `whole sentences as symbols: what was never seen has probability zero`() throws {
  let outcome = try Scratch().run(
    """
    tr ' ' _ < $examples/pigs.txt | count-ngrams -n 1 --no-eos |
      estimate-ngrams --smoothing mle > sent.lm
    printf '%s\\n' what_do_pigs_eat_? pigs_eat_what_do_? what_do_pigs_like_? |
      score -m sent.lm --prob
    """)
  #expect(outcome.text == "0\n0\n0.125\n")
}

@Test func `the factors of a sentence multiply to its probability`() throws {
  let scratch = try models()
  let outcome = try scratch.run("head -1 ab | score -m 2.lm --per-token --prob")
  #expect(
    outcome.lines == [
      "what\t0.5\t1", "do\t1\t1", "pigs\t0.4\t1", "eat\t0.66666666666667\t1",
      "?\t0.33333333333333\t1", "</s>\t1\t1",
    ])
  let bits = try scratch.run("head -1 ab | score -m 2.lm --per-line -H")
  #expect(
    bits.text == """
      bits\ttokens\tunknown\tperplexity\tperplexity_known
      4.4918530963297\t6\t0\t1.6802107268563\t1.6802107268563\n
      """)
}

@Test func `a unigram sees no order, a bigram does, and a trigram fails on both`() throws {
  let scratch = try models()
  let one = try scratch.run("score -m 1.lm --prob ab").lines
  #expect(one[0] == one[1] && abs(Double(one[0])! - 64 / 36_905_625.0) < 1e-18)
  #expect(try scratch.run("score -m 2.lm --prob ab").lines == ["0.044444444444444", "0"])
  let three = try scratch.run("score -m 3.lm --prob --strict ab")
  #expect(three.lines == ["0", "undef"])
  #expect(three.status == 1)
  #expect(
    three.errorOutput == "score: ab:2: the model does not define the probability of 'do' here; "
      + "its context was never seen; estimate the model with smoothing\n")
  #expect(try scratch.run("score -m 3.lm --prob ab").status == 0)
}

@Test(arguments: [(1, 11.425734), (2, 1.928281), (3, 1.637064), (4, 1.447269)] as [(Int, Double)])
func `training perplexities are the lecture's`(order: Int, perplexity: Double) throws {
  let outcome = try models().run("score -m \(order).lm pigs.txt")
  #expect(quantity("tokens", in: outcome) == 45)
  #expect(abs(try #require(quantity("perplexity", in: outcome)) - perplexity) < 5e-7)
}

@Test(
  arguments: [
    ("laplace=1", 2, -13.550896, -18.042749), ("laplace=1", 3, -16.570463, -22.150957),
    ("laplace=0.1", 3, -11.300468, -22.677748), ("stupid=0.4", 3, -6.906891, -17.593347),
  ] as [(String, Int, Double, Double)])
func `the remedies for zeros give the lecture's numbers`(
  smoothing: String, order: Int, a: Double, b: Double
) throws {
  let outcome = try models().run(
    """
    count-ngrams -n \(order) < pigs.txt | estimate-ngrams --smoothing \(smoothing) > l.lm
    score -m l.lm --per-line ab | cut -f1
    """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  let bits = outcome.lines.map { Double($0)! }
  #expect(bits.count == 2 && abs(bits[0] + a) < 5e-7 && abs(bits[1] + b) < 5e-7, "\(bits)")
}

@Test func `the better candidate comes first`() throws {
  let outcome = try models().run(
    """
    count-ngrams -n 2 < pigs.txt | estimate-ngrams --smoothing laplace=1 > l.lm
    score -m l.lm --per-line ab | paste - ab | sort -n | head -1 | cut -f1,6
    """)
  #expect(outcome.lines == ["13.550896390445\twhat do pigs eat ?"])
}

@Test func `units, bytes and unknown words`() throws {
  let scratch = try models()
  let nats = try scratch.run("head -1 ab | score -m 2.lm --unit nats --bytes 19")
  #expect(abs(quantity("nats", in: nats)! - 3.1135153092103) < 1e-12)
  #expect(abs(quantity("bits_per_byte", in: nats)! - 4.491853 / 19) < 1e-7)
  let unknown = try scratch.run("echo 'what do snails eat ?' | score -m 1.lm")
  #expect(quantity("unknown", in: unknown) == 1)
  #expect(quantity("zero", in: unknown) == 1)
  #expect(quantity("perplexity", in: unknown) == .infinity)
  #expect(quantity("perplexity_known", in: unknown)! < 14)
}

/// A text of a few blocks in which words depend on those before, with some that the model does not know.
private let generatedText = """
  awk 'BEGIN{x=1; for(r=0;r<12000;r++){n=int(x/65536)%11; x=(x*69069+1)%4294967296
    for(c=0;c<n;c++){x=(x*69069+c%3+1)%4294967296
    printf "w%d ",int(x/65536)%(c%2?40:1500)} print ""}}' > all
  awk 'NR%4' all > train; awk 'NR%4==0' all > held

  """

@Test func `threads and the form of the model change no byte of the scores`() throws {
  let outcome = try Scratch().run(
    generatedText + """
      count-ngrams -n 4 train | estimate-ngrams > m.arpa
      estimate-ngrams -m m.arpa -b -o m.bin
      estimate-ngrams -m m.bin | cmp - m.arpa && echo lossless
      for m in m.arpa m.bin; do for j in 1 2 5; do
        score -m $m -j $j --per-token --unit log10 all | cksum
      done; done | sort -u | wc -l
      score -m m.bin --per-token --unit log10 held |
        awk '{s += $2; n++} END{printf "%.6f %d\\n", s, n}'
      score -m m.bin --unit log10 held |
        awk '$1 == "log10" {printf "%.6f ", $2} $1 == "tokens" {n = $2} END{print n}'
      """)
  #expect(outcome.status == 0, "\(outcome.errorOutput)")
  #expect(outcome.lines.prefix(2) == ["lossless", "1"])
  #expect(outcome.lines.count == 4 && outcome.lines[2] == outcome.lines[3])
}

@Test func `a quantised model is smaller and scores nearly the same`() throws {
  let outcome = try Scratch().run(
    generatedText + """
      count-ngrams -n 3 train > counts
      for q in '' '--quantize 8' '--quantize 2'; do
        estimate-ngrams $q -b -o m counts
        stat -c %s m
        score -m m held | awk '$1 == "perplexity" { print $2 }'
      done
      """)
  let values = outcome.lines.map { Double($0)! }
  #expect(values.count == 6 && values[2] < values[0] && values[4] < values[2], "\(values)")
  #expect(abs(values[3] / values[1] - 1) < 0.01 && values[5] != values[1], "\(values)")
}

@Test func `a model file cut or changed is refused with its place`() throws {
  let outcome = try models().run(
    """
    count-ngrams -n 2 < pigs.txt | estimate-ngrams -q -b -o m.bin
    head -c 500 m.bin > cut; score -m cut ab || true
    head -c 50 m.bin > cut; score -m cut ab || true
    { head -c 300 m.bin; printf '~~'; tail -c +303 m.bin; } > changed; score -m changed ab || true
    size=$(stat -c %s m.bin)
    { head -c $((size - 60)) m.bin; printf '~~'; tail -c 58 m.bin; } > changed
    score -m changed ab || true
    estimate-ngrams -m changed -o kept || true
    score -m - ab < changed || true
    ls kept || true
    """)
  let messages = outcome.errorOutput.split(separator: "\n").map { String($0) }
  #expect(messages.count == 7, "\(messages)")
  #expect(messages[0].hasPrefix("score: cut:@500: truncated model of "), "\(messages)")
  #expect(messages[1].hasPrefix("score: cut:@50: truncated model header"), "\(messages)")
  #expect(messages[2] == "score: changed:@24: corrupt model: bad checksum", "\(messages)")
  for message in messages[3..<6] {
    #expect(
      message.hasSuffix("corrupt model: bad checksum; write the model anew"), "\(messages)")
  }
}

@Test(arguments: [100, 1000])
func `a history compressor hands on what was not expected`(lag: Int) throws {
  let outcome = try Scratch().run(
    """
    awk -v n=\(lag) 'BEGIN{for(r=0;r<50;r++)for(c=0;c<2;c++){printf c?"b":"a"
      for(i=1;i<=n;i++)printf " x%d",i;print c?" B":" A"}}' > long.tok
    count-ngrams -n 2 < long.tok | estimate-ngrams --smoothing mle > level1.lm
    score -m level1.lm --unexpected 0.9 < long.tok > short.tok
    count-ngrams -n 2 < short.tok | estimate-ngrams --smoothing mle > level2.lm
    sort -u short.tok
    score -m level1.lm --bits-per-line < long.tok
    score -m level2.lm --bits-per-line < short.tok
    """)
  #expect(outcome.lines == ["a A", "b B", "2", "1"])
}

@Test(arguments: [
  "score", "score -m x --per-token --per-line", "score -m x --prob --unit nats",
  "score -m x --unexpected 2", "score -m x --unexpected 0.5 --prob", "score -m -",
  "score -m x --bytes 0", "score -m x --unit feet",
]) func `wrong usage of score ends with 64`(command: String) throws {
  #expect(try Scratch().run(command).status == 64)
}
