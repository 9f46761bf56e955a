// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import TensorFiles
public import TokenStreams

/// A trained masked network as its file has it: safetensors, and all else in the metadata.
///
///     chainrule.masked       width=64 symbols=2 hidden=128 targets=64 mask=autoregressive
///     chainrule.vocabulary   the spellings of the symbols, in order, with spaces between
///     chainrule.decoding     how pieces become text
public struct MaskedModelFile: Sendable {
  public let layout: MaskedLayout
  /// - parameters: [layout.count].
  public let parameters: [Float]
  /// `<unk>`, `<s>`, `</s>`, and the network's symbols.
  public let vocabulary: Vocabulary

  public init(layout: MaskedLayout, parameters: [Float], vocabulary: Vocabulary) {
    self.layout = layout
    self.parameters = parameters
    self.vocabulary = vocabulary
  }

  /// Whether the file is a masked network's.
  public static func recognises(_ file: TensorFile) -> Bool {
    file.metadata["chainrule.masked"] != nil
  }

  /// Reads a checked file.
  ///
  /// - Throws: `StreamError` for a tensor that is missing or has another shape, and for metadata that
  ///   do not fit.
  public init(_ file: TensorFile) throws(StreamError) {
    guard let configuration = file.metadata["chainrule.masked"].flatMap(MaskedConfiguration.init)
    else {
      throw StreamError(
        .file(file.name), "holds no masked network", advice: "give a model of train-masked")
    }
    layout = MaskedLayout(configuration)
    var parameters: [Float] = []
    for tensor in layout.tensors {
      guard let entry = file.entry(tensor.name), entry.shape == tensor.shape else {
        throw StreamError(
          .file(file.name), "tensor \(tensor.name) of shape \(tensor.shape) is missing")
      }
      parameters += try file.numbers(of: entry)
    }
    // What the mask forbids is not there, whatever the file says.
    self.parameters = zip(parameters, layout.mask).map { $0 * $1 }
    let spellings = (file.metadata["chainrule.vocabulary"] ?? "").split(separator: " ")
    guard spellings.count == configuration.symbolCount, Set(spellings).count == spellings.count
    else {
      throw StreamError(
        .file(file.name),
        "\(spellings.count) spellings for \(configuration.symbolCount) symbols")
    }
    vocabulary = Vocabulary(
      modelSpellings: spellings.map { Array($0.utf8) },
      decoding: file.metadata["chainrule.decoding"].flatMap(TextDecoding.init) ?? .unknown)
    guard vocabulary.count == Int(MaskedModel.firstSymbol) + spellings.count else {
      throw StreamError(.file(file.name), "a symbol is spelt like <s>, </s> or <unk>")
    }
  }

  /// Writes the file; does not finish the sink.
  public func write(to sink: ByteSink) throws(StreamError) {
    let symbols = MaskedModel.firstSymbol..<Token(vocabulary.count)
    let spellings = symbols.map {
      String(decoding: vocabulary.spelling(of: $0), as: UTF8.self)
    }
    let writer = TensorFileWriter(metadata: [
      ("format", "pt"), ("chainrule.masked", layout.configuration.description),
      ("chainrule.vocabulary", spellings.joined(separator: " ")),
      ("chainrule.decoding", vocabulary.decoding.description),
    ])
    for tensor in layout.tensors {
      writer.add(tensor.name, shape: tensor.shape, parameters[tensor.range])
    }
    try writer.write(to: sink)
  }
}

extension MaskedConfiguration: CustomStringConvertible {
  public var description: String {
    let kind = mask == .autoregressive ? "autoregressive" : "none"
    return "width=\(width) symbols=\(symbolCount) hidden=\(hiddenWidth) targets=\(targetWidth)"
      + " mask=\(kind)"
  }

  /// Reads a description; nothing when a fact is missing or makes no sense.
  public init?(description: String) {
    var facts: [Substring: Substring] = [:]
    for word in description.split(separator: " ") {
      let parts = word.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { facts[parts[0]] = parts[1] }
    }
    func number(_ key: Substring, atLeast minimum: Int) -> Int? {
      // The bound keeps products of two of them within an Int.
      facts[key].flatMap { Int($0) }.flatMap { (minimum...1 << 20).contains($0) ? $0 : nil }
    }
    guard let width = number("width", atLeast: 1), let symbols = number("symbols", atLeast: 2),
      let hidden = number("hidden", atLeast: 0), let targets = number("targets", atLeast: 1),
      let kind = facts["mask"], kind == "none" || (kind == "autoregressive" && targets == width),
      width * symbols < 1 << 24, targets * symbols < 1 << 24
    else { return nil }
    self.init(
      width: width, symbolCount: symbols, hiddenWidth: hidden,
      mask: kind == "none" ? .none(targetWidth: targets) : .autoregressive)
  }
}
