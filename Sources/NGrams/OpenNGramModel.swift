// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel

/// Opens an n-gram model of any form: counts, bare or under a line that names an estimator.
///
/// - Throws: `StreamError` with the place of what cannot be read.
public func openNGramModel(_ file: InputFile) throws(StreamError) -> any LanguageModel {
  try countModel(of: CountReader(file: file), in: file.name)
}

private func countModel(of reader: CountReader, in name: String) throws(StreamError)
  -> any LanguageModel
{
  let counts = try NGramCounts(reader)
  let description = counts.smoothing ?? "mle"
  guard let rule = SmoothingMethod(description)?.countRule else {
    throw StreamError(
      .file(name), "counts as a model of '\(description)'", advice: "use a newer release")
  }
  guard counts.rows.count > 0 else {
    throw StreamError(.file(name), "no counts", advice: "a model needs at least one n-gram")
  }
  return CountModel(
    NGramTree(counts.rows), rule, shape: counts.shape, vocabulary: counts.rows.vocabulary,
    isOpen: false)
}
