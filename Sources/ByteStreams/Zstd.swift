// SPDX-License-Identifier: Apache-2.0

internal import CZstd

/// Decompresses a concatenation of zstd frames as it is read.
struct ZstdDecompressor: ~Copyable {
  private let stream: OpaquePointer
  private let name: String
  private var input = ByteBuffer(capacity: 1 << 17)
  private var inputStart = 0
  /// True between frames, where the end of the file is the end of the stream.
  private var isAtFrameBorder = true
  /// True when the last target was filled, so that more may be had without more input.
  private var mayHoldOutput = false
  private var consumed = 0

  init(name: String, beginningWith bytes: UnsafeBufferPointer<UInt8>) {
    stream = ZSTD_createDStream()
    self.name = name
    input.append(bytes)
  }

  deinit { ZSTD_freeDStream(stream) }

  /// Whether there may be bytes to give without reading more.
  var isReady: Bool { inputStart < input.count || mayHoldOutput }

  /// Fills `target` with decompressed bytes; zero only at the end of the last frame.
  ///
  /// - Throws: `StreamError` with the compressed offset, for corrupt data and for an end inside a frame.
  mutating func read(
    into target: UnsafeMutableRawBufferPointer,
    from source: (UnsafeMutableRawBufferPointer) throws(StreamError) -> Int
  ) throws(StreamError) -> Int {
    var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
    while output.pos == 0 {
      var sourceIsOpen = true
      if !isReady {
        input.removeAll()
        inputStart = 0
        input.reserve(1 << 17)
        let count = try source(UnsafeMutableRawBufferPointer(start: input.base, count: 1 << 17))
        input.count = count
        sourceIsOpen = count > 0
      }
      if !sourceIsOpen, isAtFrameBorder { return 0 }
      var chunk = ZSTD_inBuffer(src: input.base, size: input.count, pos: inputStart)
      let hint = ZSTD_decompressStream(stream, &output, &chunk)
      if ZSTD_isError(hint) != 0 {
        let reason = String(cString: ZSTD_getErrorName(hint)).lowercased()
        throw StreamError(.offset(name, consumed), "corrupt zstd data: \(reason)")
      }
      consumed += chunk.pos - inputStart
      inputStart = chunk.pos
      isAtFrameBorder = hint == 0
      mayHoldOutput = output.pos == output.size && hint != 0
      if !sourceIsOpen, output.pos == 0 {
        throw StreamError(.offset(name, consumed), "truncated zstd data")
      }
    }
    return output.pos
  }
}

/// Compresses blocks, each into one frame with its size and a checksum.
///
/// One compressor belongs to one thread. Equal blocks and levels give equal bytes.
public struct ZstdCompressor: ~Copyable, @unchecked Sendable {
  private let context: OpaquePointer

  /// - level: as in zstd(1): 1 is fast, 19 is small, negative levels are faster still.
  public init(level: Int) {
    context = ZSTD_createCCtx()
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, CInt(level))
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
  }

  deinit { ZSTD_freeCCtx(context) }

  /// Appends the frame that holds `bytes` to `output`.
  public func appendFrame(of bytes: UnsafeBufferPointer<UInt8>, to output: inout ByteBuffer) {
    let bound = ZSTD_compressBound(bytes.count)
    output.reserve(bound)
    let count = ZSTD_compress2(
      context, output.base + output.count, bound, bytes.baseAddress, bytes.count)
    precondition(ZSTD_isError(count) == 0, "a frame fits its bound")
    output.count += count
  }
}

/// Decompresses single frames whose plain size is known, as `ZstdCompressor` makes them.
public struct ZstdFrameDecompressor: ~Copyable, @unchecked Sendable {
  private let context: OpaquePointer

  public init() { context = ZSTD_createDCtx() }

  deinit { ZSTD_freeDCtx(context) }

  /// Appends the `plainCount` bytes that `frame` holds to `output`; false when it holds others.
  public func append(
    _ frame: UnsafeBufferPointer<UInt8>, _ plainCount: Int, to output: inout ByteBuffer
  ) -> Bool {
    output.reserve(plainCount)
    let count = ZSTD_decompressDCtx(
      context, output.base + output.count, plainCount, frame.baseAddress, frame.count)
    guard ZSTD_isError(count) == 0, count == plainCount else { return false }
    output.count += plainCount
    return true
  }
}
