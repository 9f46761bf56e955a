// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel

/// Opens an n-gram model of any form, by its content: our binary form, ARPA, or counts, bare or under a
/// line that names an estimator.
///
/// A binary file is mapped, read once for its checksums, and shared by all processes that read it.
///
/// - Throws: `StreamError` with the place of what cannot be read.
public func openNGramModel(_ file: InputFile) throws(StreamError) -> any LanguageModel {
  if let model = try openBackoffModel(file) { return model }
  let beginning = try file.prefix(1 << 12).prefix { $0 != 0x0A }
  if !beginning.isEmpty, !beginning.contains(0x09), !beginning.starts(with: Array("\\".utf8)),
    try !BlockReader.recognises(file)
  {
    throw StreamError(
      .file(file.name), "is no model: neither ARPA, counts, a binary model nor a network",
      advice: "make one with estimate-ngrams or train-rnn")
  }
  return try countModel(of: CountReader(file: file), in: file.name)
}

/// Whether a file begins as a binary n-gram model does.
public func recognisesNGramModel(_ file: InputFile) throws(StreamError) -> Bool {
  try file.begins(with: PackedTrie.signature)
}

/// Opens a model in back-off form, or returns nothing when the file is not one.
func openBackoffModel(_ file: InputFile) throws(StreamError) -> BackoffModel? {
  if try file.begins(with: PackedTrie.signature) { return BackoffModel(try PackedTrie(file)) }
  if try ARPAReader.recognises(file) {
    return BackoffModel(try ARPAReader(file).read())
  }
  return nil
}

extension BackoffModel {
  /// Opens a model in back-off form.
  ///
  /// - Throws: `StreamError` when the file holds something else.
  public init(_ file: InputFile) throws(StreamError) {
    guard let model = try openBackoffModel(file) else {
      throw StreamError(
        .file(file.name), "holds no model in back-off form",
        advice: "estimate one by another method")
    }
    self = model
  }
}

extension PackedTrie {
  convenience init(_ file: InputFile) throws(StreamError) {
    if file.fileByteCount != nil, file.name != "<stdin>", file.name != "<memory>",
      let mapped = try MappedFile(path: file.name), mapped.bytes.starts(with: PackedTrie.signature)
    {
      try self.init(checking: mapped.bytes, name: file.name, owner: mapped)
      return
    }
    // A pipe, or compressed: into memory.
    let memory = ModelMemory()
    while try file.read(upTo: 1 << 20, appendingTo: &memory.bytes) {}
    try self.init(
      checking: UnsafeRawBufferPointer(memory.bytes.bytes), name: file.name, owner: memory)
  }
}

private final class ModelMemory {
  var bytes = ByteBuffer(capacity: 1 << 20)
}

private func countModel(of reader: CountReader, in name: String) throws(StreamError)
  -> CountModel
{
  let counts: NGramCounts
  do { counts = try NGramCounts(reader) } catch { throw error.located(at: .file(name)) }
  let description = counts.smoothing ?? "mle"
  let isOpen = description.hasSuffix(":open")
  guard
    let method = SmoothingMethod(String(description.dropLast(isOpen ? 5 : 0))),
    let rule = method.countRule
  else {
    throw StreamError(
      .file(name), "counts as a model of '\(description)'", advice: "use a newer release")
  }
  guard counts.rows.count > 0 else {
    throw StreamError(.file(name), "no counts", advice: "a model needs at least one n-gram")
  }
  return CountModel(
    NGramTree(counts.rows), rule, shape: counts.shape, vocabulary: counts.rows.vocabulary,
    isOpen: isOpen)
}
