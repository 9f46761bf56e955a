// SPDX-License-Identifier: Apache-2.0

/// What went wrong, where, and what to do about it: one line, lower case.
///
///     corpus.txt:17: invalid UTF-8 at byte 43; use --bytes
///
/// Every module throws this one type, so that a program prints any error the same way.
public struct StreamError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where in the input or output the problem lies.
  public enum Place: Hashable, Sendable {
    /// No file is concerned.
    case none
    /// A whole file, by the name it was given; standard input is `<stdin>`.
    case file(String)
    /// A record of a text file, counted from 1.
    case line(String, Int)
    /// A byte of a binary file, counted from 0.
    case offset(String, Int)
  }

  public var place: Place
  /// The fact, with the number that was wrong and the limit it broke.
  public var problem: String
  /// The next step, or nothing when there is none to advise.
  public var advice: String?

  public init(_ place: Place = .none, _ problem: String, advice: String? = nil) {
    self.place = place
    self.problem = problem
    self.advice = advice
  }

  /// The error with a place, where it names none itself.
  public func located(at place: Place) -> StreamError {
    self.place == .none ? StreamError(place, problem, advice: advice) : self
  }

  public var description: String {
    let location =
      switch place {
      case .none: ""
      case .file(let name): "\(name): "
      case .line(let name, let number): "\(name):\(number): "
      case .offset(let name, let offset): "\(name):@\(offset): "
      }
    let text = location + problem + (advice.map { "; \($0)" } ?? "")
    return StreamError.printable(text)
  }

  /// The text without control characters: what a foreign file says must not break the line or drive
  /// the terminal.
  private static func printable(_ text: String) -> String {
    func isControl(_ scalar: Unicode.Scalar) -> Bool {
      scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return text.unicodeScalars.reduce(into: "") { result, scalar in
      guard isControl(scalar) else { return result.unicodeScalars.append(scalar) }
      let digits = String(scalar.value, radix: 16, uppercase: true)
      result += "\\x" + (digits.utf8.count < 2 ? "0" : "") + digits
    }
  }
}
