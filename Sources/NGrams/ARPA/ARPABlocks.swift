// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import TokenStreams

extension BackoffEstimation {
  /// Writes the model as ARPA text; as `writeARPA` would, without having it in memory.
  func writeARPA(to sink: ByteSink, threads: Int) throws {
    // A thread has some blocks and their text on the way, a few megabytes.
    let threads = min(threads, max(1, memoryByteCount >> 24))
    try writeARPAHead(vocabulary, nGramCounts, to: sink)
    let (words, isSingle, order) = (WordTable(vocabulary), isSingle, order)
    for length in 1...order {
      try sink.write("\n\\\(length)-grams:\n")
      try orderedParallelMap(
        threads: threads, next: { try self.nextBlock() },
        transform: { block in
          ARPAText(block, words, isSingle: isSingle, hasBackoffs: length < order)
        },
        emit: { try sink.write($0.bytes) })
    }
    try sink.write("\n\\end\\\n")
  }
}

/// Spellings that can be copied sixteen bytes at a time.
private final class WordTable: @unchecked Sendable {
  private let bytes: ByteBuffer
  private let spellings: MappedSpellings

  init(_ vocabulary: Vocabulary) {
    spellings = vocabulary.mappedSpellings
    var bytes = ByteBuffer(capacity: spellings.byteCount + 16)
    bytes.append(UnsafeBufferPointer(start: spellings.bytes, count: spellings.byteCount))
    self.bytes = bytes
  }

  @inline(__always)
  func append(_ token: Token, to output: inout ByteBuffer) {
    let spelling = spellings[Int(token)]
    let start = spelling.baseAddress! - spellings.bytes
    output.append(shortRun: bytes.base + start, count: spelling.count)
  }
}

extension ByteBuffer {
  /// Appends bytes that are mostly few: up to 16 may be read beyond them.
  @inline(__always)
  fileprivate mutating func append(shortRun source: UnsafePointer<UInt8>, count: Int) {
    reserve(count &+ 16)
    let target = UnsafeMutableRawPointer(base + self.count)
    var done = 0
    repeat {
      target.storeBytes(
        of: UnsafeRawPointer(source + done).loadUnaligned(as: SIMD16<UInt8>.self),
        toByteOffset: done, as: SIMD16<UInt8>.self)
      done &+= 16
    } while done < count
    self.count &+= count
  }
}

/// The lines of a block of n-grams.
private final class ARPAText: Sendable {
  let bytes: ByteBuffer

  init(_ block: LevelBlock, _ words: WordTable, isSingle: Bool, hasBackoffs: Bool) {
    var output = ByteBuffer(capacity: 48 * block.count)
    var prefix = ByteBuffer(capacity: 256)
    let ends = UnsafeMutablePointer<Int>.allocate(capacity: block.length + 1)
    ends[0] = 0
    defer { ends.deallocate() }
    block.forEachKept { tokens, index, shared in
      // The words that stay are still there.
      prefix.count = ends[shared]
      for position in shared..<block.length {
        if position > 0 { prefix.append(0x20) }
        words.append(tokens[position], to: &prefix)
        ends[position &+ 1] = prefix.count
      }
      if block.length == 1, tokens[0] == 1 {
        // As lmplz has it: <s> is never predicted, and its probability is not looked at.
        output.append(UInt8(ascii: "0"))
      } else {
        DecimalNumber.append(
          log10Value(block.probabilities[index], isSingle: isSingle), to: &output)
      }
      output.append(0x09)
      prefix.reserve(16)
      output.append(shortRun: prefix.base, count: prefix.count)
      if hasBackoffs {
        output.append(0x09)
        DecimalNumber.append(log10Value(block.backoffs[index], isSingle: isSingle), to: &output)
      }
      output.append(0x0A)
    }
    bytes = output
  }
}

/// A probability or back-off as models hold it.
@inline(__always)
func log10Value(_ value: Double, isSingle: Bool) -> Double {
  if value == 1 { return 0 }
  return isSingle ? Double(Float(min(log10(value), 0))) : log10(value)
}
