// SPDX-License-Identifier: Apache-2.0

internal import ByteStreams
public import CKernels
internal import Synchronization

/// Threads that work on one thing together, and the kernels that they use.
///
/// The caller is member 0; the others wait in between, spinning for some microseconds and then
/// parked, so that a machine shared with other programs loses nothing to them. How work is cut among
/// the members never changes a result.
///
/// While the team is at work, a call from another thread (or from a member) does all the work alone.
public final class Team: @unchecked Sendable {
  /// Members, the caller among them.
  public let count: Int
  public let instructionSet: InstructionSet
  /// The functions of the instruction set.
  public let kernels: UnsafePointer<kernel_table>

  private let gate: Gate
  private let others: Threads
  private let isAtWork = Atomic<Bool>(false)

  public init(count: Int, instructionSet: InstructionSet) {
    precondition(count > 0)
    self.count = count
    self.instructionSet = instructionSet
    kernels = instructionSet.kernels
    let gate = Gate(others: count - 1)
    self.gate = gate
    others = Threads.start(count: count - 1) { gate.serve() }
  }

  deinit {
    gate.close()
    others.join()
  }

  /// Calls `body` with every member's number, each on its own thread, and returns when all have
  /// returned. The calls must not wait for one another.
  public func run(_ body: (_ member: Int) -> Void) {
    guard count > 1 else { return body(0) }
    guard !isAtWork.exchange(true, ordering: .acquiring) else {
      for member in 0..<count { body(member) }
      return
    }
    defer { isAtWork.store(false, ordering: .releasing) }
    withoutActuallyEscaping(body) { body in
      gate.open(unsafeBitCast(body, to: (@Sendable (Int) -> Void).self))
      body(0)
      gate.waitForOthers()
    }
  }

  /// Calls `body` with every index below `jobCount`, each member taking the next that is left.
  public func forEach(_ jobCount: Int, _ body: (_ member: Int, _ job: Int) -> Void) {
    guard count > 1, jobCount > 1 else {
      for job in 0..<jobCount { body(0, job) }
      return
    }
    let next = Atomic<Int>(0)
    run { member in
      while true {
        let job = next.wrappingAdd(1, ordering: .relaxed).oldValue
        if job >= jobCount { return }
        body(member, job)
      }
    }
  }

  /// A member's share of `total` things that lie side by side.
  public func share(of total: Int, member: Int) -> Range<Int> {
    total * member / count..<total * (member + 1) / count
  }
}

/// Where the other members wait for work, and the caller for them.
private final class Gate: @unchecked Sendable {
  private let others: Int
  private let nextNumber = Atomic<Int>(1)
  /// Rises by one with every piece of work.
  private let generation = Atomic<Int>(0)
  private let unfinished = Atomic<Int>(0)
  private var body: (@Sendable (Int) -> Void)?
  private var mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init(others: Int) {
    self.others = others
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  func open(_ body: @escaping @Sendable (Int) -> Void) { publish(body) }

  /// Sends the members home.
  func close() { publish(nil) }

  private func publish(_ body: (@Sendable (Int) -> Void)?) {
    self.body = body
    unfinished.store(others, ordering: .relaxed)
    announce { generation.wrappingAdd(1, ordering: .releasing) }
  }

  /// What a member does all its life.
  func serve() {
    let number = nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue
    var seen = 0
    while true {
      wait { generation.load(ordering: .acquiring) != seen }
      seen += 1
      guard work(number) else { return }
      if unfinished.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
        announce {}
      }
    }
  }

  /// Does one piece of work; false when there will be no more. Never inlined: the reference to `body`
  /// has to be gone when this returns, because the caller's closure ends soon after.
  @inline(never)
  private func work(_ number: Int) -> Bool {
    guard let body else { return false }
    body(number)
    return true
  }

  func waitForOthers() {
    wait { unfinished.load(ordering: .acquiring) == 0 }
    body = nil
  }

  /// Changes what the others wait for; under the lock, so that nobody parks in between.
  private func announce(_ change: () -> Void) {
    pthread_mutex_lock(mutex)
    change()
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }

  private func wait(until isTrue: () -> Bool) {
    for _ in 0..<4000 {
      if isTrue() { return }
      _spinHint()
    }
    pthread_mutex_lock(mutex)
    while !isTrue() { pthread_cond_wait(changed, mutex) }
    pthread_mutex_unlock(mutex)
  }
}

/// Tells the core that the thread waits: about 40 cycles on x86-64.
@inline(__always)
private func _spinHint() { kernel_pause() }
