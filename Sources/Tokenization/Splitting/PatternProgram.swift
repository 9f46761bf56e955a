// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams

/// A regular expression compiled for a machine that follows all its branches at once, in order of
/// preference, so that time is linear in the text and nothing is ever tried again.
///
/// The match is the one that a backtracking engine finds first. Reference: Pike's machine, in Cox 2009,
/// «Regular expression matching: the virtual machine approach».
struct PatternProgram: Sendable {
  private enum Instruction: Sendable {
    case set(Int)
    /// Go on at both; the first is preferred.
    case split(Int, Int)
    case jump(Int)
    /// The following text matches the program, or does not.
    case lookahead(PatternProgram, isNegated: Bool)
    /// The character ahead is, or is not, in a set.
    case peek(Int, isNegated: Bool)
    case lookbehind(Int, isNegated: Bool)
    case beginning
    case end
    case lineBeginning
    case lineEnd
    case wordBoundary(isNegated: Bool)
    case match
  }

  private var instructions: [Instruction] = []
  private var sets: [CompiledSet] = []

  /// - Throws: `StreamError` without a place when the program grows beyond reason.
  init(_ expression: Expression) throws(StreamError) {
    try compile(expression)
    instructions.append(.match)
  }

  private mutating func compile(_ expression: Expression) throws(StreamError) {
    guard instructions.count < 20_000 else {
      throw StreamError(.none, "the pattern is too large", advice: "shorten its repetitions")
    }
    switch expression {
    case .set(let set): instructions.append(.set(add(set)))
    case .sequence(let parts): for part in parts { try compile(part) }
    case .alternatives(let branches): try compile(alternatives: branches[...])
    case .repetition(let body, let minimum, let maximum, let greed):
      try compile(repetition: body, minimum, maximum, greed)
    case .lookahead(let body, let isNegated):
      instructions.append(.lookahead(try PatternProgram(body), isNegated: isNegated))
    case .lookbehind(let set, let isNegated):
      instructions.append(.lookbehind(add(set), isNegated: isNegated))
    case .beginning: instructions.append(.beginning)
    case .end: instructions.append(.end)
    case .lineBeginning: instructions.append(.lineBeginning)
    case .lineEnd: instructions.append(.lineEnd)
    case .wordBoundary(let isNegated): instructions.append(.wordBoundary(isNegated: isNegated))
    }
  }

  private mutating func add(_ set: CharacterSet) -> Int {
    sets.append(CompiledSet(set))
    return sets.count - 1
  }

  private mutating func compile(alternatives branches: ArraySlice<Expression>) throws(StreamError) {
    var jumps: [Int] = []
    for (offset, branch) in branches.enumerated() {
      let isLast = offset == branches.count - 1
      let split = instructions.count
      if !isLast { instructions.append(.jump(0)) }
      try compile(branch)
      guard !isLast else { break }
      jumps.append(instructions.count)
      instructions.append(.jump(0))
      instructions[split] = .split(split + 1, instructions.count)
    }
    for jump in jumps { instructions[jump] = .jump(instructions.count) }
  }

  private mutating func compile(
    repetition body: Expression, _ minimum: Int, _ maximum: Int?, _ greed: Expression.Greed
  ) throws(StreamError) {
    // A possessive repetition of a class may end only where the class does, or at its limit.
    var guarding: Int?
    if greed == .possessive, case .set(let set) = body { guarding = add(set) }
    func fork(_ enter: Int, _ leave: Int) -> Instruction {
      greed == .lazy ? .split(leave, enter) : .split(enter, leave)
    }
    for _ in 0..<minimum { try compile(body) }
    guard let maximum else {
      let split = instructions.count
      instructions.append(.jump(0))
      try compile(body)
      instructions.append(.jump(split))
      instructions[split] = fork(split + 1, instructions.count)
      if let guarding { instructions.append(.peek(guarding, isNegated: true)) }
      return
    }
    var forks: [Int] = []
    for _ in minimum..<max(minimum, maximum) {
      forks.append(instructions.count)
      instructions.append(.jump(0))
      try compile(body)
    }
    // At the limit nothing is asked; before it, leaving goes through the guard.
    let end = instructions.count
    if let guarding, !forks.isEmpty {
      instructions.append(.jump(end + 2))
      instructions.append(.peek(guarding, isNegated: true))
      for index in forks { instructions[index] = fork(index + 1, end + 1) }
    } else {
      for index in forks { instructions[index] = fork(index + 1, end) }
    }
  }

  /// The end of the match that begins at `start`, if there is one.
  func match(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int, _ machine: inout Machine
  ) -> Int? {
    machine.begin(instructions.count)
    var result: Int?
    var index = start
    add(0, text, index, &machine)
    machine.advance()
    while !machine.current.isEmpty {
      let (scalar, length) = index < text.count ? scalar(of: text, at: index) : (0, 0)
      for thread in machine.current {
        if case .match = instructions[thread] {
          result = index
          break
        }
        guard case .set(let set) = instructions[thread], length > 0, sets[set].contains(scalar)
        else {
          continue
        }
        add(thread + 1, text, index + length, &machine)
      }
      index += length
      machine.advance()
    }
    return result
  }

  /// Adds a thread and all that it leads to without reading a character.
  private func add(
    _ first: Int, _ text: UnsafeBufferPointer<UInt8>, _ index: Int, _ machine: inout Machine
  ) {
    machine.stack.append(first)
    while let place = machine.stack.popLast() {
      guard machine.mark(place) else { continue }
      switch instructions[place] {
      case .jump(let target): machine.stack.append(target)
      case .split(let preferred, let other):
        machine.stack.append(other)
        machine.stack.append(preferred)
      case .set, .match: machine.next.append(place)
      case let check:
        if holds(check, text, index) { machine.stack.append(place + 1) }
      }
    }
  }

  private func holds(
    _ check: Instruction, _ text: UnsafeBufferPointer<UInt8>, _ index: Int
  ) -> Bool {
    func ahead(_ set: CompiledSet) -> Bool {
      index < text.count && set.contains(scalar(of: text, at: index).scalar)
    }
    func behind(_ set: CompiledSet) -> Bool {
      previousScalar(text, before: index).map(set.contains) ?? false
    }
    switch check {
    case .lookahead(let program, let isNegated):
      var machine = Machine()
      return (program.match(text, at: index, &machine) != nil) != isNegated
    case .peek(let set, let isNegated): return ahead(sets[set]) != isNegated
    case .lookbehind(let set, let isNegated): return behind(sets[set]) != isNegated
    case .beginning: return index == 0
    case .end: return index == text.count
    case .lineBeginning: return index == 0 || text[index - 1] == 0x0A
    case .lineEnd: return index == text.count || text[index] == 0x0A
    case .wordBoundary(let isNegated):
      return (ahead(PatternProgram.word) != behind(PatternProgram.word)) != isNegated
    case .set, .split, .jump, .match: return true
    }
  }

  private static let word = CompiledSet(.word)

  /// The threads of a run; used again for the next.
  struct Machine {
    fileprivate var current: [Int] = []
    fileprivate var next: [Int] = []
    fileprivate var stack: [Int] = []
    private var marks: [UInt32] = []
    private var generation: UInt32 = 0

    init() {}

    fileprivate mutating func begin(_ count: Int) {
      if marks.count < count { marks = Array(repeating: 0, count: count) }
      current.removeAll(keepingCapacity: true)
      next.removeAll(keepingCapacity: true)
      turn()
    }

    fileprivate mutating func advance() {
      swap(&current, &next)
      next.removeAll(keepingCapacity: true)
      turn()
    }

    /// Whether a place is new in this step.
    fileprivate mutating func mark(_ place: Int) -> Bool {
      if marks[place] == generation { return false }
      marks[place] = generation
      return true
    }

    private mutating func turn() {
      generation &+= 1
      if generation == 0 {
        marks = Array(repeating: 0, count: marks.count)
        generation = 1
      }
    }
  }
}

/// The code point that ends before `index`; U+FFFD for a byte that is not UTF-8.
func previousScalar(_ text: UnsafeBufferPointer<UInt8>, before index: Int) -> UInt32? {
  guard index > 0 else { return nil }
  var start = index - 1
  while start > 0, text[start] & 0xC0 == 0x80, index - start < 4 { start -= 1 }
  let (scalar, length) = scalar(of: text, at: start)
  return start + length == index ? scalar : 0xFFFD
}
