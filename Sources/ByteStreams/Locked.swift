// SPDX-License-Identifier: Apache-2.0

internal import CSystem

/// A value that one thread at a time reads or changes.
///
/// Behind it is a mutex of POSIX, whose use ThreadSanitizer follows. What the `Mutex` of Synchronization
/// protects it takes for unprotected, since that waits in a library that is not instrumented.
public final class Locked<Value: ~Copyable>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var value: Value

  public init(_ value: consuming Value) {
    self.value = value
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  /// Calls `body` while no other thread is in a body of this value's.
  public func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
