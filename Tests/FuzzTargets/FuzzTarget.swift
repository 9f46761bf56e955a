// SPDX-License-Identifier: Apache-2.0

import ByteStreams

/// A parser under attack: whatever the bytes, it returns or throws a `StreamError`, and what it
/// accepts it must be able to write and read again. Anything else traps.
public struct FuzzTarget: Sendable {
  public let name: String
  /// Well-formed inputs to start from.
  public let seeds: @Sendable () throws -> [[UInt8]]
  /// Tries one input; traps on a finding.
  public let attack: @Sendable ([UInt8]) throws -> Void

  /// Tries one input; errors of the parser are what it is for.
  public func run(_ bytes: [UInt8]) {
    do { try attack(bytes) } catch {
      demand(error is StreamError, "not a StreamError: \(error)")
      demand(!"\(error)".contains("\n"), "a message of several lines: \(error)")
    }
  }

  /// All targets; a new parser of foreign bytes has its line here.
  public static let all: [FuzzTarget] = [
    .zstd, .blocks, .tokenText, .tokenBlocks, .counts, .countBlocks, .arpa, .nGramModel, .tensors,
    .networks, .checkpoints, .merges, .codes, .tokenizerJSON, .vocabularyJSON, .tiktoken,
    .sentencePiece, .unigramText, .wordPiece, .json, .adaptiveRoundTrip, .adaptiveCode, .modelCode,
    .netpbm, .automata, .lines,
  ]
}

/// A precondition whose message survives optimisation.
func demand(_ condition: Bool, _ message: String) {
  if !condition { fatalError(message) }
}

/// A binary stream with good checksums around foreign payloads, so that an attack reaches what lies
/// below them: the first two bytes say how many of the others are the header's.
func framed(kind: String, parameters: [(String, String)] = [], _ bytes: [UInt8]) throws -> [UInt8] {
  guard bytes.count >= 3 else { throw StreamError(.none, "too short") }
  let rest = bytes[3...]
  let head = rest.prefix(Int(bytes[0]) | Int(bytes[1]) << 8)
  let sink = ByteSink.memory()
  let header = StreamHeader(kind: kind, parameters: parameters, payload: Array(head))
  var writer = try BlockWriter(sink, header: header, level: 0)
  var payload = ByteBuffer()
  payload.append(Array(rest.dropFirst(head.count)))
  try writer.write(payload, itemCount: Int(bytes[2]))
  try writer.finish()
  return sink.takeBytes()
}

/// The inverse of `framed`: header and first data block of a stream.
func unframed(_ stream: [UInt8]) throws -> [UInt8] {
  var reader = BlockReader(try InputFile(bytes: stream))
  var result: [UInt8] = [0, 0, 0]
  while let block = try reader.next() {
    switch consume block {
    case .head(let header):
      result[0] = UInt8(header.payload.count & 255)
      result[1] = UInt8(header.payload.count >> 8)
      result += header.payload
    case .data(let payload, let itemCount):
      result[2] = UInt8(itemCount)
      result += Array(payload.bytes)
      return result
    case .end: break
    }
  }
  return result
}

/// A safetensors file whose checksum has another name, so that an attack reaches what lies below it.
func unsealed(_ file: [UInt8]) -> [UInt8] {
  file.replacing(Array("chainrule.checksum".utf8), with: Array("chainrule.xhecksum".utf8))
}

/// All bytes of a stream.
func drained(_ bytes: [UInt8], step: Int = 1 << 16) throws -> [UInt8] {
  let file = try InputFile(bytes: bytes, name: "input")
  var buffer = ByteBuffer()
  while try file.read(upTo: step, appendingTo: &buffer) {}
  return Array(buffer.bytes)
}
