// SPDX-License-Identifier: Apache-2.0

/// What getopt_long(3) understands and ArgumentParser does not, spelled so that it does.
package enum CommandLineSpelling {
  /// Gives an option that stands without its optional value that value: `--progress` becomes
  /// `--progress=always`, and never takes the operand after it.
  ///
  /// - bare: the value of each such option.
  package static func completed(_ arguments: [String], bare: [String: String]) -> [String] {
    var isOperand = false
    return arguments.map { argument in
      if argument == "--" { isOperand = true }
      guard !isOperand, let value = bare[argument] else { return argument }
      return "\(argument)=\(value)"
    }
  }

  /// Splits joined flags from an option with its value: `-bn3` becomes `-b -n3`.
  ///
  /// - help: the program's help, whose lines `  -b, --binary` and `  -n, --order <n>` tell flags
  ///   from options.
  package static func split(_ arguments: [String], help: String) -> [String] {
    var flags: Set<Character> = []
    var options: Set<Character> = []
    for line in help.split(separator: "\n") where line.hasPrefix("  -") {
      let names = line.dropFirst(2)
      guard let letter = names.dropFirst().first, letter != "-" else { continue }
      // Two blanks lie between the names and what the option does.
      let end = names.indices.first { names[$0...].hasPrefix("  ") } ?? names.endIndex
      if names[..<end].contains("<") { options.insert(letter) } else { flags.insert(letter) }
    }
    let operands = arguments.firstIndex(of: "--") ?? arguments.endIndex
    return arguments[..<operands].flatMap { argument -> [String] in
      let letters = argument.dropFirst()
      let joined = letters.prefix { flags.contains($0) }
      guard argument.hasPrefix("-"), !joined.isEmpty,
        let option = letters.dropFirst(joined.count).first, options.contains(option)
      else { return [argument] }
      return ["-\(joined)", "-\(letters.dropFirst(joined.count))"]
    } + arguments[operands...]
  }
}
