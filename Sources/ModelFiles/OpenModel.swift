// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
public import LanguageModel
internal import MaskedNetworks
internal import NGrams
internal import RecurrentNetworks
internal import TensorFiles

/// Opens a model of any family, recognised by its content.
///
/// - path: `-` is standard input.
/// - threads: that share a step of a large network.
/// - Throws: `StreamError` when the file cannot be read or is no whole model.
public func openModel(
  at path: String, threads: Int = Machine.availableCores
) throws(StreamError) -> any LanguageModel {
  let file = try InputFile(path: path)
  guard TensorFile.recognises(try file.prefix(9)) else { return try openNGramModel(file) }
  // By its path it is mapped.
  let tensors = path == "-" ? try TensorFile(file) : try TensorFile(path: path)
  if MaskedModelFile.recognises(tensors) { return try MaskedModelFile(tensors).languageModel }
  if RecurrentModel.recognises(tensors) {
    return try RecurrentModel.open(tensors, threads: threads)
  }
  throw StreamError(
    .file(file.name), "tensors of no network known here",
    advice: "give a model of train-rnn or train-masked")
}

/// Opens a recurrent network that learns while it is scored.
///
/// - path: `-` is standard input.
/// - Throws: `StreamError` when the file cannot be read or holds no such network.
public func openDynamicEvaluation(
  at path: String, settings: DynamicSettings, threads: Int
) throws(StreamError) -> any DynamicEvaluation {
  let file = try InputFile(path: path)
  guard TensorFile.recognises(try file.prefix(9)) else {
    throw StreamError(
      .file(file.name), "is no recurrent network; no other model learns while it is scored",
      advice: "give a model of train-rnn")
  }
  let tensors = path == "-" ? try TensorFile(file) : try TensorFile(path: path)
  return try RecurrentEvaluation(
    RecurrentModelFile(tensors), name: tensors.name, settings: settings, threads: threads)
}

extension MaskedModelFile {
  fileprivate var languageModel: MaskedModel {
    get throws(StreamError) {
      guard layout.configuration.mask == .autoregressive else {
        throw StreamError(
          .none, "an unmasked network maps whole inputs and predicts no tokens",
          advice: "run it with transduce")
      }
      return MaskedModel(vocabulary: vocabulary, layout: layout, parameters: parameters)
    }
  }
}
