// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Maps blocks on several threads and hands on the results in input order.
///
/// `next` and `emit` run on the calling thread, `transform` on the workers. The number of threads
/// changes speed, never the order or content of what is emitted. With one thread, or one block, nothing
/// is started.
///
/// - wouldBlock: asked before `next`; when true, all finished results are emitted and `idle` is
///   called first, so that output never waits for input.
public func orderedParallelMap<Input: Sendable, Output: Sendable>(
  threads: Int,
  next: () throws -> Input?,
  wouldBlock: () -> Bool = { false },
  idle: () throws -> Void = {},
  transform: @escaping @Sendable (Input) throws -> Output,
  emit: (Output) throws -> Void
) throws {
  var threads = threads
  while true {
    if wouldBlock() { try idle() }
    guard let input = try next() else { return }
    // Threads are worth their start when a second block is there.
    guard threads > 1, !wouldBlock() else {
      try emit(transform(input))
      continue
    }
    let second: Input?
    do {
      second = try next()
    } catch {
      // What came before the failure is emitted.
      try emit(transform(input))
      throw error
    }
    guard let second else { return try emit(transform(input)) }
    let queue = WorkQueue<Input, Output>(transform)
    let workers = Threads.start(count: threads) { queue.work() }
    defer {
      queue.close()
      workers.join()
    }
    if workers.count > 0 {
      return try queue.map(
        [input, second], window: 2 * threads, next: next, wouldBlock: wouldBlock, idle: idle,
        emit: emit)
    }
    threads = 1
    try emit(transform(input))
    try emit(transform(second))
  }
}

extension WorkQueue {
  /// Submits `first` and what `next` gives, and emits the results in their order.
  ///
  /// - window: inputs that are not emitted yet, at most.
  fileprivate func map(
    _ first: [Input], window: Int, next: () throws -> Input?, wouldBlock: () -> Bool,
    idle: () throws -> Void, emit: (Output) throws -> Void
  ) throws {
    var submitted = 0
    var emitted = 0
    func add(_ input: Input) {
      submit(submitted, input)
      submitted += 1
    }
    func emitOne() throws {
      try emit(take(emitted).get())
      emitted += 1
    }
    first.forEach(add)
    while true {
      if wouldBlock() {
        while emitted < submitted { try emitOne() }
        try idle()
      }
      let following: Input?
      do {
        following = try next()
      } catch {
        while emitted < submitted { try emitOne() }
        throw error
      }
      guard let input = following else { break }
      add(input)
      if submitted - emitted >= window { try emitOne() }
      while emitted < submitted, isDone(emitted) { try emitOne() }
    }
    while emitted < submitted { try emitOne() }
  }
}

/// Jobs in order of submission, and their results by number.
private final class WorkQueue<Input: Sendable, Output: Sendable>: @unchecked Sendable {
  private var mutex = pthread_mutex_t()
  private var changed = pthread_cond_t()
  private var waiting: [(number: Int, input: Input)] = []
  private var results: [Int: Result<Output, any Error>] = [:]
  private var isClosed = false
  private let transform: @Sendable (Input) throws -> Output

  init(_ transform: @escaping @Sendable (Input) throws -> Output) {
    self.transform = transform
    pthread_mutex_init(&mutex, nil)
    pthread_cond_init(&changed, nil)
  }

  deinit {
    pthread_cond_destroy(&changed)
    pthread_mutex_destroy(&mutex)
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    pthread_mutex_lock(&mutex)
    defer { pthread_mutex_unlock(&mutex) }
    return body()
  }

  func submit(_ number: Int, _ input: Input) {
    locked {
      waiting.append((number, input))
      pthread_cond_broadcast(&changed)
    }
  }

  func isDone(_ number: Int) -> Bool { locked { results[number] != nil } }

  func take(_ number: Int) -> Result<Output, any Error> {
    locked {
      while true {
        if let result = results.removeValue(forKey: number) { return result }
        pthread_cond_wait(&changed, &mutex)
      }
    }
  }

  func close() {
    locked {
      isClosed = true
      pthread_cond_broadcast(&changed)
    }
  }

  func work() {
    while true {
      let job: (number: Int, input: Input)? = locked {
        while waiting.isEmpty, !isClosed { pthread_cond_wait(&changed, &mutex) }
        return isClosed ? nil : waiting.removeFirst()
      }
      guard let job else { return }
      let result = Result { try transform(job.input) }
      locked {
        results[job.number] = result
        pthread_cond_broadcast(&changed)
      }
    }
  }
}

/// A number of running threads, to be joined by whoever started them.
public struct Threads {
  private var handles: [pthread_t] = []

  /// Number of threads that were started.
  public var count: Int { handles.count }

  /// Starts `count` threads that each run `body` once; fewer, perhaps none, when the system refuses.
  public static func start(count: Int, _ body: @escaping @Sendable () -> Void) -> Threads {
    var threads = Threads()
    for _ in 0..<count {
      var attributes = pthread_attr_t()
      pthread_attr_init(&attributes)
      pthread_attr_setstacksize(&attributes, 8 << 20)
      defer { pthread_attr_destroy(&attributes) }
      let context = Unmanaged.passRetained(ThreadBody(body))
      var handle = pthread_t()
      let status = pthread_create(
        &handle, &attributes,
        { context in
          Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
          return nil
        }, context.toOpaque())
      guard status == 0 else {
        context.release()
        break
      }
      threads.handles.append(handle)
    }
    return threads
  }

  /// Waits for all of them to return.
  public func join() {
    for handle in handles { pthread_join(handle, nil) }
  }

  /// Runs `body` for every index in `0..<count`, on up to `threads` threads, the caller's among them.
  public static func forEach(count: Int, threads: Int, _ body: @escaping @Sendable (Int) -> Void) {
    guard threads > 1, count > 1 else {
      for index in 0..<count { body(index) }
      return
    }
    let counter = Counter()
    let work: @Sendable () -> Void = {
      while true {
        let index = counter.next.wrappingAdd(1, ordering: .relaxed).oldValue
        if index >= count { return }
        body(index)
      }
    }
    let others = Threads.start(count: min(threads, count) - 1, work)
    work()
    others.join()
  }
}

private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void
  init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private final class Counter: Sendable {
  let next = Atomic<Int>(0)
}
