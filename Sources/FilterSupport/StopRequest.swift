// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
internal import Synchronization

/// SIGINT and SIGTERM as a wish that a long program fulfils at its next good moment, instead of dying.
///
///     let stop = StopRequest()
///     while !isDone, !stop.isRequested { step() }
///     save()
///     stop.dieIfRequested()
public struct StopRequest: Sendable {
  /// The signal that came. The one global of the package: a signal handler reaches nothing else.
  private static let signalNumber = Atomic<CInt>(0)

  /// From here on the two signals are noted, also when they were inherited as blocked.
  public init() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM] {
      sigaddset(&set, number)
      signal(number) { StopRequest.signalNumber.store($0, ordering: .relaxed) }
    }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  public var isRequested: Bool { StopRequest.signalNumber.load(ordering: .relaxed) != 0 }

  /// Dies of the signal that came, as if it had never been caught.
  public func dieIfRequested() {
    let number = StopRequest.signalNumber.load(ordering: .relaxed)
    guard number != 0 else { return }
    signal(number, SIG_DFL)
    raise(number)
  }
}
