// SPDX-License-Identifier: Apache-2.0

public import ByteStreams

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The processes that `mpirun` started together, each with a rank from 0.
///
/// Open MPI's library is opened when a program runs under its `mpirun` and not before, so nothing
/// depends on it. All ranks must make the same calls in the same order.
///
/// Unsafe in one place: the library's functions are called by their C signatures (MPI 3.1), with the
/// handles that Open MPI exports as the addresses of `ompi_mpi_comm_world` and `ompi_mpi_byte`.
public final class Communicator {
  private typealias Exchange =
    @convention(c) (
      UnsafeRawPointer, CInt, OpaquePointer, UnsafeMutableRawPointer, CInt, OpaquePointer,
      OpaquePointer
    ) -> CInt

  public private(set) var rank = 0
  public private(set) var count = 1
  private let library: UnsafeMutableRawPointer
  private let world: OpaquePointer
  private let byte: OpaquePointer
  private let allToAll: Exchange
  private let allGather: Exchange
  private var sent: [Float] = []
  private var received: [Float] = []

  /// The processes of this run; nothing when there is one.
  ///
  /// - Throws: `StreamError` when they were started together and the library cannot be opened.
  public static func opened() throws(StreamError) -> Communicator? {
    guard let text = getenv("OMPI_COMM_WORLD_SIZE"), let count = Int(String(cString: text)),
      count > 1
    else { return nil }
    return try Communicator()
  }

  /// The same for processes that all read `paths`, which standard input would not go round for.
  public static func opened(reading paths: [String]) throws(StreamError) -> Communicator? {
    guard let ranks = try opened() else { return nil }
    guard !paths.isEmpty, !paths.contains("-") else {
      throw StreamError(
        .none, "\(ranks.count) processes cannot share standard input", advice: "give files")
    }
    return ranks
  }

  private init() throws(StreamError) {
    // Its plug-ins look for the library's symbols among the global ones.
    let names = ["libmpi.so.40", "libmpi.so", "libmpi.dylib"]
    guard
      let library = names.lazy.compactMap({ dlopen($0, RTLD_NOW | RTLD_GLOBAL) }).first,
      let world = dlsym(library, "ompi_mpi_comm_world"), let byte = dlsym(library, "ompi_mpi_byte"),
      let start = dlsym(library, "MPI_Init"), let rankOf = dlsym(library, "MPI_Comm_rank"),
      let sizeOf = dlsym(library, "MPI_Comm_size"), let allToAll = dlsym(library, "MPI_Alltoall"),
      let allGather = dlsym(library, "MPI_Allgather")
    else {
      throw StreamError(
        .none, "started by mpirun, and Open MPI's library cannot be opened",
        advice: "install libopenmpi3, or start one process")
    }
    self.library = library
    self.world = OpaquePointer(world)
    self.byte = OpaquePointer(byte)
    self.allToAll = unsafeBitCast(allToAll, to: Exchange.self)
    self.allGather = unsafeBitCast(allGather, to: Exchange.self)
    typealias Start = @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> CInt
    typealias Query = @convention(c) (OpaquePointer, UnsafeMutablePointer<CInt>) -> CInt
    var (rank, count): (CInt, CInt) = (0, 1)
    // Any later error ends all processes: that is the library's default.
    guard unsafeBitCast(start, to: Start.self)(nil, nil) == 0,
      unsafeBitCast(rankOf, to: Query.self)(self.world, &rank) == 0,
      unsafeBitCast(sizeOf, to: Query.self)(self.world, &count) == 0
    else { throw StreamError(.none, "Open MPI cannot be started") }
    (self.rank, self.count) = (Int(rank), Int(count))
  }

  /// Takes leave of the other processes; nothing may be called afterwards.
  public func finish() {
    guard let end = dlsym(library, "MPI_Finalize") else { return }
    _ = unsafeBitCast(end, to: (@convention(c) () -> CInt).self)()
  }

  /// What each rank gives, in the order of ranks.
  public func gathered(_ value: Double) -> [Double] {
    var values = [Double](repeating: 0, count: count)
    withUnsafePointer(to: value) {
      _ = allGather($0, 8, byte, &values, 8, byte, world)
    }
    return values
  }

  /// Replaces the numbers of every rank by their sums, added in the order of ranks: the same bits in
  /// every run, and on every rank.
  ///
  /// Each rank adds one part and hands it to all, so 2(n − 1)/n of the numbers travel to and from each.
  public func sum(_ numbers: UnsafeMutableBufferPointer<Float>) {
    let blockCount = 1 << 22
    for start in stride(from: 0, to: numbers.count, by: blockCount) {
      let end = min(start + blockCount, numbers.count)
      sumBlock(UnsafeMutableBufferPointer(rebasing: numbers[start..<end]))
    }
  }

  private func sumBlock(_ numbers: UnsafeMutableBufferPointer<Float>) {
    let part = (numbers.count + count - 1) / count
    if sent.count < part * count {
      sent = Array(repeating: 0, count: part * count)
      received = sent
    }
    let byteCount = CInt(4 * part)
    sent.withUnsafeMutableBufferPointer { sent in
      received.withUnsafeMutableBufferPointer { received in
        _ = sent.update(fromContentsOf: numbers)
        _ = allToAll(
          sent.baseAddress!, byteCount, byte, received.baseAddress!, byteCount, byte, world)
        for other in 1..<count {
          for index in 0..<part { received[index] += received[other * part + index] }
        }
        _ = allGather(
          received.baseAddress!, byteCount, byte, sent.baseAddress!, byteCount, byte, world)
        _ = numbers.update(fromContentsOf: sent[..<numbers.count])
      }
    }
  }
}
