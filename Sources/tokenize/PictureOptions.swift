// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import ByteStreams
import FilterSupport
import TokenStreams
public import Tokenization

/// Pictures instead of text.
struct PictureOptions: ParsableArguments {
  @Flag(help: "Pictures in black and white: a token a pixel, 0 or 1 (black).") var pbm = false
  @Flag(help: "Grey pictures: a token a pixel, from 0 (black) up.") var pgm = false

  @Option(help: ArgumentHelp("With --pgm: levels of grey (default: 256).", valueName: "n"))
  var levels: Int?

  @Option(
    help: ArgumentHelp(
      "Size of a picture in pixels, which --decode needs.", valueName: "widthxheight"))
  var size: PictureTokens.Size?

  @Option(
    help: ArgumentHelp(
      "With --decode: all pictures as one, this many in a row.", valueName: "columns"))
  var sheet: Int?

  var areWanted: Bool { pbm || pgm }

  func validate() throws {
    if pbm, pgm { throw ValidationError("--pbm and --pgm exclude each other") }
    if levels != nil, !pgm { throw ValidationError("--levels needs --pgm") }
    if let levels, !(2...65536).contains(levels) {
      throw ValidationError("--levels \(levels) is not between 2 and 65536")
    }
    if size != nil || sheet != nil, !areWanted {
      throw ValidationError("--size and --sheet need --pbm or --pgm")
    }
    if let sheet, sheet < 1 { throw ValidationError("--sheet \(sheet) is less than 1") }
  }

  /// Reads pictures and writes tokens, or the other way round.
  func run(decodes: Bool, _ input: InputOptions, form: TokenWriter.Form, to sink: ByteSink)
    throws(StreamError)
  {
    let pictures = PictureTokens(
      pbm ? .bitmap : .greymap, levels: pbm ? 2 : levels ?? 256, size: size)
    if decodes {
      try pictures.decode(
        TokenReader(paths: input.files, numbering: .growing, terminator: input.terminator),
        sheetColumns: sheet, to: sink)
    } else {
      try pictures.encode(paths: input.files, form: form, to: sink)
    }
  }
}

extension PictureTokens.Size: ExpressibleByArgument {}
