// SPDX-License-Identifier: Apache-2.0

public import ByteStreams
internal import TokenStreams

/// The formats that a tokeniser can be saved in, whatever it was read from, where the model allows it.
public enum SavedFormat: String, CaseIterable, Sendable {
  /// Hugging Face `tokenizer.json`: any model.
  case json
  /// The `vocab.json` that goes with `merges`.
  case vocabulary
  /// Lines of two pieces: GPT-2's `merges.txt`, or subword-nmt's codes where words end in `</w>`.
  case merges
  /// fastBPE's codes: a merge and a number.
  case fastbpe
  /// Lines of base64 and rank: byte-level models.
  case tiktoken
  /// SentencePiece `.model`: Unigram models, and merges of characters with `▁`.
  case sentencepiece
  /// Lines of piece and score, as unigram-learn writes them.
  case unigram
  /// BERT `vocab.txt`: WordPiece models.
  case vocab
  /// Our tables as they lie in memory: byte-pair models with a known pattern.
  case compiled
}

extension TokenizerFile {
  /// Writes the file in any format but `compiled`, which `TokenizerModel` writes; the sink stays open.
  ///
  /// - Throws: `StreamError` where the format cannot hold the model.
  public func write(as format: SavedFormat, to sink: ByteSink) throws(StreamError) {
    var output = ByteBuffer(capacity: 1 << 16)
    do throws(StreamError) {
      switch format {
      case .json: try TokenizerJSON.append(self, to: &output)
      case .vocabulary:
        try TokenizerJSON.appendVocabulary(of: model, to: &output)
        output.append(0x0A)
      case .merges, .fastbpe: try appendMerges(counted: format == .fastbpe, to: &output)
      case .tiktoken: try TiktokenFile.append(self, to: &output)
      case .sentencepiece: output.append(try SentencePieceModel(self).encoded())
      case .unigram: try appendUnigram(to: &output)
      case .vocab: try WordPieceFormat.append(self, to: &output)
      case .compiled: preconditionFailure("compiled models are written by CompiledModel")
      }
    } catch { throw name.isEmpty ? error : error.located(at: .file(name)) }
    try sink.write(output)
  }

  /// - counted: with a third field, as fastBPE writes the count that it learnt from; here the number of
  ///   merges from this one on, since files keep no counts.
  private func appendMerges(counted: Bool, to output: inout ByteBuffer) throws(StreamError) {
    let file = withListedMerges()
    guard file.model.kind == .bpe else {
      throw StreamError(.none, "merges hold byte-pair models only", advice: "save json")
    }
    let merges = file.model.merges
    if !counted { output.append("#version: 0.2\n") }
    for index in 0..<merges.count / 2 {
      output.append(Array(merges[2 * index]))
      output.append(0x20)
      output.append(Array(merges[2 * index + 1]))
      output.append(counted ? " \(merges.count / 2 - index)\n" : "\n")
    }
  }

  private func appendUnigram(to output: inout ByteBuffer) throws(StreamError) {
    guard model.kind == .unigram else {
      throw StreamError(.none, "only Unigram models have pieces with scores", advice: "save json")
    }
    if case .whitespaceSplit = preTokenizer {
      var file = self
      file.preTokenizer = .none
      output.append(UnigramText(model: try SentencePieceModel(file), marksWords: false).bytes)
      return
    }
    let model = try SentencePieceModel(self)
    guard model.characterMap.isEmpty, model.removesExtraWhitespace else {
      throw StreamError(
        .none, "lines of pieces cannot hold this normaliser", advice: "save sentencepiece")
    }
    output.append(UnigramText(model: model, marksWords: model.addsDummyPrefix).bytes)
  }
}
