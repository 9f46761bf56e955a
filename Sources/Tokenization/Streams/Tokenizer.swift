// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import TokenStreams

/// Text to the tokens of a fixed vocabulary: bytes, or a subword model of any kind.
///
/// A tokenizer is shared by all threads; what one thread needs for itself is its encoder.
public protocol Tokenizer: Sendable {
  /// The pieces by token, and how they become text again. The tokens are the model file's ids; ids
  /// that it leaves out have a spelling that no text is encoded to.
  var vocabulary: Vocabulary { get }
  /// The vocabulary's `<unk>`, if it has one.
  var unknown: Token? { get }
  /// Whether bytes that are not UTF-8 have tokens of their own and come back when decoded.
  var spellsAnyBytes: Bool { get }
  /// A new encoder, for one thread.
  func makeEncoder() -> any RecordEncoder
}

extension Tokenizer {
  public var unknown: Token? { vocabulary.unknown }
  public var spellsAnyBytes: Bool { false }
}

/// Encodes records, one thread's worth; it may remember words between them.
public protocol RecordEncoder: AnyObject {
  /// Appends the tokens of one record, which is a sequence of its own, to `tokens`.
  ///
  /// Bytes that the model cannot spell become the vocabulary's `<unk>`.
  ///
  /// - record: the record's bytes without its terminator, borrowed during the call.
  func encode(_ record: UnsafeBufferPointer<UInt8>, into tokens: inout TokenList)
}

/// A growing run of tokens with one owner.
///
/// Unsafe in one place: `base` points to `capacity` tokens, the first `count` of them initialised.
public struct TokenList: ~Copyable, @unchecked Sendable {
  public private(set) var base: UnsafeMutablePointer<Token>
  public private(set) var capacity: Int
  public var count = 0

  public init(capacity: Int = 256) {
    self.capacity = max(capacity, 16)
    base = .allocate(capacity: self.capacity)
  }

  deinit { base.deallocate() }

  /// The tokens so far, borrowed.
  @inlinable public var tokens: UnsafeBufferPointer<Token> {
    UnsafeBufferPointer(start: base, count: count)
  }

  @inlinable public mutating func removeAll() { count = 0 }

  /// Makes room for `additional` more tokens.
  @inlinable public mutating func reserve(_ additional: Int) {
    if count &+ additional > capacity { grow(by: additional) }
  }

  @inlinable public mutating func append(_ token: Token) {
    reserve(1)
    base[count] = token
    count &+= 1
  }

  @inlinable public mutating func append(_ other: UnsafeBufferPointer<Token>) {
    guard let start = other.baseAddress else { return }
    reserve(other.count)
    (base + count).update(from: start, count: other.count)
    count &+= other.count
  }

  @usableFromInline mutating func grow(by additional: Int) {
    let newCapacity = max(capacity * 2, count + additional)
    let newBase = UnsafeMutablePointer<Token>.allocate(capacity: newCapacity)
    newBase.update(from: base, count: count)
    base.deallocate()
    base = newBase
    capacity = newCapacity
  }
}
