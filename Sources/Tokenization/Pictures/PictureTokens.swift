// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TokenStreams

/// Pictures as token streams: one record a picture, one token a pixel, row by row from the top left;
/// a token is the decimal number of the pixel's level.
public struct PictureTokens: Sendable {
  /// Width and height in pixels.
  public struct Size: Hashable, Sendable, LosslessStringConvertible {
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {
      self.width = width
      self.height = height
    }

    /// Reads `28x28`; each is at most 65536.
    public init?(_ description: String) {
      let parts = description.split(separator: "x", omittingEmptySubsequences: false).map {
        Int($0)
      }
      guard parts.count == 2, let width = parts[0], let height = parts[1],
        (1...65536).contains(width), (1...65536).contains(height)
      else { return nil }
      self.init(width: width, height: height)
    }

    public var description: String { "\(width)x\(height)" }
  }

  public var kind: NetpbmImage.Kind
  /// Pixels are 0..<levels; 2 for bitmaps, where 1 is black.
  public var levels: Int
  /// What every picture must have; that of the first picture when nothing is said.
  public var size: Size?

  public init(_ kind: NetpbmImage.Kind, levels: Int, size: Size?) {
    precondition((2...65536).contains(levels))
    self.kind = kind
    self.levels = levels
    self.size = size
  }

  /// Writes the pixels of all pictures of some files.
  ///
  /// - paths: `-` is standard input; an empty list means standard input.
  /// - Throws: `StreamError` for what is no picture of this kind, or one of another size.
  public func encode(paths: [String], form: TokenWriter.Form, to sink: ByteSink)
    throws(StreamError)
  {
    var vocabulary = Vocabulary(modelSpellings: (0..<levels).map { Array("\($0)".utf8) })
    vocabulary.decoding = .spaced
    let tokens = (0..<levels).map { vocabulary.token(Array("\($0)".utf8))! }
    var writer = try TokenWriter(sink, vocabulary: vocabulary, form: form)
    var size = size
    var number = 0
    for path in paths.isEmpty ? ["-"] : paths {
      let file = try InputFile(path: path)
      var reader = NetpbmReader(file)
      while let image = try reader.next() {
        number += 1
        let found = Size(width: image.width, height: image.height)
        guard image.kind == kind else {
          throw StreamError(
            .file(file.name), "picture \(number) is \(image.kind.name), not \(kind.name)",
            advice: "convert it with Netpbm, or tokenise it as it is")
        }
        guard found == size ?? found else {
          throw StreamError(
            .file(file.name), "picture \(number) is \(found) where \(size!) is expected",
            advice: "scale or cut all pictures to one size")
        }
        size = found
        var block = TokenBlock()
        block.tokens = image.quantised(levels: levels).map { tokens[Int($0)] }
        block.endRecord()
        try writer.write(block)
      }
    }
    try writer.finish()
  }

  /// Reads the pictures of a token stream.
  ///
  /// - reader: growing.
  /// - Throws: `StreamError` for a record of another number of tokens than pixels, and for a token
  ///   that is no level.
  public func images(_ reader: TokenReader) throws(StreamError) -> [NetpbmImage] {
    precondition(size != nil, "tokens do not tell the size of a picture")
    let size = size!
    var images: [NetpbmImage] = []
    while let block = try reader.next() {
      var start = 0
      for (index, end) in block.recordEnds.enumerated() {
        let place = StreamError.Place.line(block.name, block.firstRecordNumber + index)
        guard end - start == size.width * size.height else {
          throw StreamError(
            place,
            "\(end - start) tokens where a picture of \(size) has \(size.width * size.height)"
          )
        }
        var samples: [UInt16] = []
        for token in block.tokens[start..<end] {
          let spelling = String(decoding: reader.spelling(of: token), as: UTF8.self)
          guard let level = UInt16(spelling), level < levels else {
            throw StreamError(place, "a pixel reads \(spelling), which is not in 0...\(levels - 1)")
          }
          samples.append(level)
        }
        images.append(
          NetpbmImage(
            kind: kind, width: size.width, height: size.height, maximum: levels - 1,
            samples: samples))
        start = end
      }
    }
    return images
  }

  /// Turns tokens back into pictures, one after the other, or all on one sheet.
  ///
  /// - sheetColumns: pictures in a row of the sheet; nothing for a stream of pictures.
  public func decode(_ reader: TokenReader, sheetColumns: Int?, to sink: ByteSink)
    throws(StreamError)
  {
    var images = try images(reader)
    if let sheetColumns {
      images = NetpbmImage.sheet(of: images, columns: sheetColumns).map { [$0] } ?? []
    }
    for image in images {
      var buffer = ByteBuffer(capacity: image.samples.count + 32)
      image.append(to: &buffer)
      try sink.write(buffer)
    }
  }
}

extension NetpbmImage.Kind {
  var name: String { self == .bitmap ? "a bitmap (PBM)" : "a grey picture (PGM)" }
}
