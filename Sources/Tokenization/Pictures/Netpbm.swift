// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

/// A picture of black and white (PBM) or grey (PGM) pixels.
///
/// Reference: the manual pages pbm(5) and pgm(5) of Netpbm.
public struct NetpbmImage: Hashable, Sendable {
  public enum Kind: Sendable { case bitmap, greymap }

  public var kind: Kind
  public var width: Int
  public var height: Int
  /// The largest sample; 1 for bitmaps, where 1 is black.
  public var maximum: Int
  /// - samples: [height, width], row-major, 0...maximum.
  public var samples: [UInt16]

  public init(kind: Kind, width: Int, height: Int, maximum: Int, samples: [UInt16]) {
    precondition(samples.count == width * height)
    self.kind = kind
    self.width = width
    self.height = height
    self.maximum = maximum
    self.samples = samples
  }

  /// The samples on a scale of `levels` equal steps, 0..<levels.
  public func quantised(levels: Int) -> [UInt16] {
    samples.map { UInt16(Int($0) * levels / (maximum + 1)) }
  }

  /// Many pictures of one size as one, row by row, with a margin of one pixel of the smallest sample.
  public static func sheet(of images: [NetpbmImage], columns: Int) -> NetpbmImage? {
    guard let first = images.first else { return nil }
    let columns = min(columns, images.count)
    let rows = (images.count + columns - 1) / columns
    let width = columns * (first.width + 1) + 1
    let height = rows * (first.height + 1) + 1
    var samples = [UInt16](repeating: 0, count: width * height)
    for (index, image) in images.enumerated() {
      let left = index % columns * (first.width + 1) + 1
      let top = index / columns * (first.height + 1) + 1
      for y in 0..<image.height {
        for x in 0..<image.width {
          samples[(top + y) * width + left + x] = image.samples[y * image.width + x]
        }
      }
    }
    return NetpbmImage(
      kind: first.kind, width: width, height: height, maximum: first.maximum, samples: samples)
  }

  /// Appends the picture in the raw form (P4, P5).
  public func append(to output: inout ByteBuffer) {
    switch kind {
    case .bitmap:
      output.append("P4\n\(width) \(height)\n")
      for y in 0..<height {
        for start in stride(from: 0, to: width, by: 8) {
          var byte: UInt8 = 0
          for x in start..<min(start + 8, width) where samples[y * width + x] != 0 {
            byte |= 0x80 >> UInt8(x - start)
          }
          output.append(byte)
        }
      }
    case .greymap:
      output.append("P5\n\(width) \(height)\n\(maximum)\n")
      for sample in samples {
        if maximum > 255 { output.append(UInt8(sample >> 8)) }
        output.append(UInt8(truncatingIfNeeded: sample))
      }
    }
  }
}

/// Reads pictures of a stream, plain (P1, P2) or raw (P4, P5), one after the other.
public struct NetpbmReader {
  private let file: InputFile
  private var buffer: [UInt8] = []
  private var index = 0

  public init(_ file: InputFile) { self.file = file }

  /// The next picture, or nothing at the end.
  ///
  /// - Throws: `StreamError` with the offset for anything that is no complete PBM or PGM.
  public mutating func next() throws(StreamError) -> NetpbmImage? {
    while let byte = try peek(), NetpbmReader.isSpace(byte) { index += 1 }
    guard try peek() != nil else { return nil }
    guard try take() == UInt8(ascii: "P"), let format = try take(),
      [UInt8]("1245".utf8).contains(format)
    else {
      index -= 1
      throw failure("no PBM or PGM picture", advice: "convert it with ImageMagick")
    }
    let isBitmap = format == UInt8(ascii: "1") || format == UInt8(ascii: "4")
    let isRaw = format >= UInt8(ascii: "4")
    let width = try number("width", in: 1...(1 << 20))
    let height = try number("height", in: 1...(1 << 20))
    let maximum = isBitmap ? 1 : try number("maximum", in: 1...65535)
    if isRaw, let byte = try take(), !NetpbmReader.isSpace(byte) {
      throw failure("no white space before the pixels")
    }
    var samples: [UInt16] = []
    // Memory grows with the pixels that are there, not with the size that is claimed.
    for _ in 0..<height {
      if isBitmap, isRaw {
        for start in stride(from: 0, to: width, by: 8) {
          let byte = try required()
          for x in start..<min(start + 8, width) {
            samples.append(UInt16(byte >> UInt8(7 - (x - start)) & 1))
          }
        }
      } else {
        for _ in 0..<width {
          let sample =
            switch (isRaw, isBitmap) {
            case (true, _):
              maximum > 255 ? Int(try required()) << 8 | Int(try required()) : Int(try required())
            case (false, true): try bit()
            case (false, false): try number("pixel", in: 0...maximum)
            }
          guard sample <= maximum else {
            throw failure("a pixel is \(sample), above the maximum \(maximum)")
          }
          samples.append(UInt16(sample))
        }
      }
    }
    return NetpbmImage(
      kind: isBitmap ? .bitmap : .greymap, width: width, height: height, maximum: maximum,
      samples: samples)
  }

  private func failure(_ problem: String, advice: String? = nil) -> StreamError {
    StreamError(
      .offset(file.name, file.offset - buffer.count + index), problem, advice: advice)
  }

  private mutating func peek() throws(StreamError) -> UInt8? {
    if index == buffer.count {
      var bytes = ByteBuffer(capacity: 1 << 16)
      guard try file.read(upTo: 1 << 16, appendingTo: &bytes) else { return nil }
      buffer = Array(bytes.bytes)
      index = 0
    }
    return buffer[index]
  }

  private mutating func take() throws(StreamError) -> UInt8? {
    guard let byte = try peek() else { return nil }
    index += 1
    return byte
  }

  private mutating func required() throws(StreamError) -> UInt8 {
    guard let byte = try take() else { throw failure("truncated picture") }
    return byte
  }

  private mutating func skipBlanksAndComments() throws(StreamError) {
    while let byte = try peek() {
      if byte == UInt8(ascii: "#") {
        while let byte = try peek(), byte != 0x0A { index += 1 }
      } else if !NetpbmReader.isSpace(byte) {
        return
      } else {
        index += 1
      }
    }
  }

  private mutating func number(_ what: String, in range: ClosedRange<Int>) throws(StreamError)
    -> Int
  {
    try skipBlanksAndComments()
    var value = 0
    var digits = 0
    while let byte = try peek(), (0x30...0x39).contains(byte), digits < 8 {
      value = value * 10 + Int(byte - 0x30)
      digits += 1
      index += 1
    }
    if digits == 0 {
      throw try peek() == nil ? failure("truncated picture") : failure("\(what) is no number")
    }
    guard range.contains(value) else {
      throw failure("\(what) \(value) is not in \(range.lowerBound)...\(range.upperBound)")
    }
    return value
  }

  /// A pixel of a plain bitmap: one digit, blanks between them are optional.
  private mutating func bit() throws(StreamError) -> Int {
    try skipBlanksAndComments()
    let byte = try required()
    guard byte == 0x30 || byte == 0x31 else { throw failure("a bit is neither 0 nor 1") }
    return Int(byte - 0x30)
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }
}
