// SPDX-License-Identifier: Apache-2.0

import ByteStreams
import Testing

@Test(arguments: [
  (
    StreamError(.line("corpus.txt", 17), "invalid UTF-8", advice: "use --bytes"),
    "corpus.txt:17: invalid UTF-8; use --bytes"
  ),
  (StreamError(.offset("<stdin>", 5), "truncated"), "<stdin>:@5: truncated"),
  (StreamError(.none, "nothing to learn from"), "nothing to learn from"),
  (StreamError(.file("a\nb"), "says \u{1B}[2J \u{9B} é"), "a\\x0Ab: says \\x1B[2J \\x9B é"),
]) func `an error is one printable line`(error: StreamError, text: String) {
  #expect("\(error)" == text)
}
