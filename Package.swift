// swift-tools-version: 6.1
// SPDX-License-Identifier: Apache-2.0
import Foundation
import PackageDescription

let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

/// A library target: one floor's noun, importable only by the floors above it.
func module(
  _ name: String, _ dependencies: [Target.Dependency], settings more: [SwiftSetting] = []
) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings + more)
}

/// For modules whose inner loops keep their state in objects: exclusive access is checked by the compiler
/// alone. At run time, too, it took a third of the time of estimation.
let uncheckedAccess: [SwiftSetting] = [.unsafeFlags(["-enforce-exclusivity=unchecked"])]

/// Sanitizers bring libraries of their own: CHAINRULE_SANITIZE links dynamically.
let linksStatically = Context.environment["CHAINRULE_SANITIZE"] == nil

/// Links the Swift runtime and all libraries into the programs: half the start-up time, and one file
/// that moves to a machine with nothing installed.
///
/// FoundationStandIns keeps Foundation out of them. Should ArgumentParser need more of it, Foundation
/// comes in after all, with the libraries that automatic linking leaves out, and the stand-ins go first.
///
/// - opensLibraries: while it runs, which takes the system's own loader: all else is linked in.
func linking(opensLibraries: Bool) -> [LinkerSetting] {
  guard linksStatically else { return [] }
  let runtime =
    opensLibraries
    ? ["-static-stdlib", "-Xclang-linker", "-no-pie", "-Xlinker", "--no-export-dynamic"]
    : ["-static-executable"]
  let libraries = [
    "-use-ld=lld", "-Xlinker", "--gc-sections", "-Xlinker", "--allow-multiple-definition",
    "-l_FoundationCollections", "-l_FoundationCShims", "-lswiftSynchronization",
  ]
  return [.unsafeFlags(runtime + libraries, .when(platforms: [.linux]))]
}

/// An executable: one folder, one file.
func program(
  _ name: String, _ dependencies: [Target.Dependency], opensLibraries: Bool = false
) -> Target {
  .executableTarget(
    name: name,
    dependencies: ["FilterSupport", "ByteStreams", "TokenStreams"] + dependencies
      + [argumentParser] + (linksStatically ? ["FoundationStandIns"] : []),
    swiftSettings: settings,
    linkerSettings: linking(opensLibraries: opensLibraries))
}

/// The tests of one module.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: ["TestSupport"] + dependencies, swiftSettings: settings)
}

/// The names of the Python files in a folder: drivers that `make` runs, no sources of a target.
func scripts(in folder: String) -> [String] {
  let names = try? FileManager.default.contentsOfDirectory(
    atPath: "\(Context.packageDirectory)/\(folder)")
  return (names ?? []).filter { $0.hasSuffix(".py") || $0 == "__pycache__" }.sorted()
}

// Floor by floor; an arrow only goes down.
let floors: [[Target]] = [
  [
    .systemLibrary(name: "CSystem"),
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
    .target(name: "CTextClasses"),
    .systemLibrary(
      name: "CUtf8proc",
      providers: [.apt(["libutf8proc-dev"]), .brew(["utf8proc"])]),
  ],
  [
    module("ByteStreams", ["CSystem", "CZstd"]),
    module("Optimization", []),
    module("Probability", []),
    module("LinearAlgebra", ["ByteStreams", "CKernels"]),
  ],
  [
    module("ExternalSort", ["ByteStreams"], settings: uncheckedAccess),
    module("MessagePassing", ["ByteStreams"]),
    module("TensorFiles", ["ByteStreams"]),
    module("TokenStreams", ["ByteStreams"]),
    module("FilterSupport", ["ByteStreams", "Optimization", argumentParser]),
    module(
      "FoundationStandIns", [],
      settings: [.unsafeFlags(["-module-abi-name", "FoundationEssentials"])]),
  ],
  [
    module("LanguageModel", ["ByteStreams", "Probability", "TokenStreams"]),
    module(
      "Tokenization",
      [
        "ByteStreams", "CSystem", "CTextClasses", "CUtf8proc", "ExternalSort", "Probability",
        "TokenStreams",
      ],
      settings: uncheckedAccess),
  ],
  [
    module("Decoding", ["ByteStreams", "LanguageModel", "Probability", "TokenStreams"]),
    module(
      "NGrams", ["ByteStreams", "CSystem", "ExternalSort", "LanguageModel", "TokenStreams"],
      settings: uncheckedAccess),
    module("EnergyModels", ["ByteStreams", "Probability"]),
    module(
      "MaskedNetworks",
      [
        "ByteStreams", "LanguageModel", "LinearAlgebra", "Optimization", "Probability",
        "TensorFiles", "TokenStreams",
      ]),
    module(
      "RecurrentNetworks",
      [
        "ByteStreams", "CKernels", "LanguageModel", "LinearAlgebra", "MessagePassing",
        "Optimization", "Probability", "TensorFiles", "TokenStreams",
      ]),
  ],
  [
    module(
      "ModelFiles",
      [
        "ByteStreams", "LanguageModel", "MaskedNetworks", "NGrams", "RecurrentNetworks",
        "TensorFiles",
      ])
  ],
]

let programs: [Target] = [
  program("tokenize", ["Tokenization"]),
  program("unigram-learn", ["Tokenization"]),
  program("wordpiece-learn", ["Tokenization"]),
  program("bpe-learn", ["Tokenization"]),
  program("count-ngrams", ["NGrams"]),
  program("estimate-ngrams", ["NGrams"]),
  program("mix-ngrams", ["NGrams"]),
  program("train-masked", ["LinearAlgebra", "MaskedNetworks", "Optimization", "TensorFiles"]),
  program("score", ["LanguageModel", "ModelFiles", "Probability"]),
  program("sample", ["Decoding", "LanguageModel", "ModelFiles", "Probability"]),
  program("beam", ["Decoding", "LanguageModel", "ModelFiles"]),
  program("probe-gradients", ["Optimization", "RecurrentNetworks", "TensorFiles"]),
  program(
    "train-rnn",
    ["LinearAlgebra", "MessagePassing", "Optimization", "RecurrentNetworks", "TensorFiles"],
    opensLibraries: true),
  program("transduce", ["ModelFiles"]),
  program("arith-code", ["LanguageModel", "ModelFiles"]),
  program("diverge", ["Decoding", "LanguageModel", "ModelFiles", "Probability"]),
  program("settle", ["EnergyModels", "Probability"]),
]

let testTargets: [Target] = [
  .executableTarget(
    name: "network-benchmark",
    dependencies: [
      "ByteStreams", "LanguageModel", "LinearAlgebra", "Optimization", "RecurrentNetworks",
      "TokenStreams",
    ],
    path: "Tests/Benchmarks/RecurrentNetworks", swiftSettings: settings),
  .target(
    name: "TestSupport", dependencies: ["LanguageModel", "TokenStreams"],
    path: "Tests/TestSupport", swiftSettings: settings),
  .target(
    name: "FuzzTargets",
    dependencies: [
      "ByteStreams", "EnergyModels", "LanguageModel", "MaskedNetworks", "ModelFiles", "NGrams",
      "Optimization", "Probability", "RecurrentNetworks", "TensorFiles", "TokenStreams",
      "Tokenization",
    ],
    path: "Tests/FuzzTargets", swiftSettings: settings),
  tests("FuzzTargets", ["FuzzTargets"]),
  tests("ByteStreams", ["ByteStreams"]),
  tests("Probability", ["Probability"]),
  tests("FilterSupport", ["FilterSupport", "ByteStreams", argumentParser]),
  tests("LinearAlgebra", ["ByteStreams", "CKernels", "LinearAlgebra"]),
  // These run the built programs. They do not depend on them: the programs' linker flags would
  // reach the test bundle; a build of all targets makes both.
  tests("Pipeline", []),
  tests(
    "MaskedNetworks",
    [
      "LanguageModel", "LinearAlgebra", "MaskedNetworks", "Optimization", "Probability",
      "TokenStreams",
    ]
  ),
  tests("Decoding", ["ByteStreams", "Decoding", "LanguageModel", "Probability", "TokenStreams"]),
  tests("LanguageModel", ["ByteStreams", "LanguageModel", "Probability", "TokenStreams"]),
  tests("EnergyModels", ["EnergyModels", "Probability"]),
  tests("Optimization", ["Optimization"]),
  tests("ExternalSort", ["ExternalSort"]),
  tests("TensorFiles", ["ByteStreams", "TensorFiles"]),
  tests("Tokenization", ["ByteStreams", "CTextClasses", "Tokenization", "TokenStreams"]),
  tests("TokenStreams", ["ByteStreams", "TokenStreams"]),
  tests("NGrams", ["ByteStreams", "LanguageModel", "NGrams", "Probability", "TokenStreams"]),
  // Beside recorded results of other programs; each says in PROVENANCE.md how it was made.
  .testTarget(
    name: "ConformanceTests",
    dependencies: [
      "TestSupport", "LinearAlgebra", "Optimization", "RecurrentNetworks", "TensorFiles",
    ],
    exclude: ["Fixtures", "PROVENANCE.md"] + scripts(in: "Tests/ConformanceTests"),
    swiftSettings: settings),
  tests(
    "RecurrentNetworks",
    [
      "ByteStreams", "LanguageModel", "LinearAlgebra", "Optimization", "RecurrentNetworks",
      "TensorFiles",
      "TokenStreams",
    ]),
]

/// libFuzzer's program; its runtime is there in a build with `--sanitize fuzzer` only.
let fuzzer: [Target] =
  Context.environment["CHAINRULE_FUZZ"] == nil
  ? []
  : [
    .executableTarget(
      name: "fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz", exclude: ["run.sh"],
      swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
  ]

let package = Package(
  name: "chainrule",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: floors.flatMap { $0 } + programs + testTargets + fuzzer,
  swiftLanguageModes: [.v6])
