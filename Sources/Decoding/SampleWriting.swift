// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import LanguageModel
public import Probability
public import TokenStreams

extension Sampler {
  /// Writes `count` samples of each prompt, on several threads, in order.
  ///
  /// Samples are numbered from `firstRecord`, through all prompts: their random numbers depend on
  /// nothing but the seed, this number and the step.
  public func write(
    _ prompts: [[Token]], count: Int, firstRecord: UInt64, random: RandomNumbers, threads: Int,
    printer: RecordPrinter, terminator: UInt8, to sink: ByteSink
  ) throws {
    // A hand-over pays from some dozens of short records on.
    let width = max(64, batchCount)
    let chunks = (count + width - 1) / width
    var next = 0
    try orderedParallelMap(
      threads: min(threads, chunks * prompts.count),
      next: { () -> (prompt: Int, records: Range<UInt64>)? in
        guard next < chunks * prompts.count else { return nil }
        defer { next += 1 }
        let (prompt, chunk) = (next / chunks, next % chunks)
        let start = firstRecord + UInt64(prompt * count + chunk * width)
        let end = start + UInt64(min(width, count - chunk * width))
        return (prompt, start..<end)
      },
      transform: { (job: (prompt: Int, records: Range<UInt64>)) -> [UInt8] in
        var buffer = ByteBuffer(capacity: 1 << 14)
        let samples = try self.samples(
          of: prompts[job.prompt], records: job.records, random: random)
        for tokens in samples {
          printer.append(tokens, to: &buffer)
          buffer.append(terminator)
        }
        return Array(buffer.bytes)
      },
      emit: { bytes in try bytes.withUnsafeBufferPointer { try sink.write($0) } })
  }

  /// Writes `count` samples of each prompt, drawn with given uniform numbers.
  public func write(
    _ prompts: [[Token]], count: Int, uniforms: UniformReader, printer: RecordPrinter,
    terminator: UInt8, to sink: ByteSink
  ) throws {
    var buffer = ByteBuffer()
    for prompt in prompts {
      for _ in 0..<count {
        buffer.removeAll()
        printer.append(try sample(of: prompt, uniforms: uniforms), to: &buffer)
        buffer.append(terminator)
        try sink.write(buffer)
      }
    }
  }

  /// Writes the adjusted distribution after each prompt as a table, most probable first: piece and
  /// probability; an empty line between two prompts.
  public func writeDistributions(_ prompts: [[Token]], to sink: ByteSink) throws {
    for (index, prompt) in prompts.enumerated() {
      var buffer = ByteBuffer()
      if index > 0 { buffer.append(0x0A) }
      let distribution = try distribution(after: prompt)
      for token in distribution.sortedTokens() {
        buffer.append(distribution.vocabulary.spelling(of: token))
        buffer.append(0x09)
        buffer.append(number: exp(distribution.logWeights[Int(token)]))
        buffer.append(0x0A)
      }
      try sink.write(buffer)
    }
  }
}
