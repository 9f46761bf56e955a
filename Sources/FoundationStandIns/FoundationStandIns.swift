// SPDX-License-Identifier: Apache-2.0

// ArgumentParser uses two things of Foundation. The programs are linked with these in their place:
// without Foundation a program is half as large and starts in two thirds of the time, since the
// runtime looks through all conformances of a program when it first meets a type.
// The module is compiled with Foundation's name in its symbols.

/// What ArgumentParser asks an error for before it describes it. No error of ours is one.
public protocol LocalizedError: Error {
  var errorDescription: String? { get }
}

// The encoder of JSON, which only `--experimental-dump-help` would call: FilterCommand refuses it.

@_silgen_name("$s20FoundationEssentials11JSONEncoderCMa")
public func encoderType() -> Never { fatalError() }

@_silgen_name("$s20FoundationEssentials11JSONEncoderCACycfc")
public func encoder() -> Never { fatalError() }

@_silgen_name("$s20FoundationEssentials11JSONEncoderC16OutputFormattingV10sortedKeysAEvau")
public func encoderSortedKeys() -> Never { fatalError() }

@_silgen_name("$s20FoundationEssentials11JSONEncoderC16OutputFormattingV13prettyPrintedAEvau")
public func encoderPrettyPrinted() -> Never { fatalError() }

@_silgen_name("$sSS20FoundationEssentialsE4data8encodingSSSgAA4DataVh_SSAAE8EncodingVtcfC")
public func stringOfData() -> Never { fatalError() }

@_silgen_name("$sSS20FoundationEssentialsE8EncodingV4utf8ACvau")
public func encodingUTF8() -> Never { fatalError() }
