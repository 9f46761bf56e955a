// SPDX-License-Identifier: Apache-2.0

// What differs by operating system lives here, so that no other file asks which one it is on.

internal import CSystem

#if canImport(Glibc)
  @_exported public import Glibc
#elseif canImport(Musl)
  @_exported public import Musl
#else
  @_exported public import Darwin
#endif

/// Facts about the machine, as far as they bound a program's threads and memory.
public enum Machine {
  /// Cores that this process may run on: the scheduler's affinity mask where there is one.
  public static var availableCores: Int {
    #if os(Linux)
      var mask = [UInt64](repeating: 0, count: 128)
      if system_affinity(&mask, UInt(mask.count * 8)) > 0 {
        return mask.reduce(0) { $0 + $1.nonzeroBitCount }
      }
    #endif
    return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }

  /// Lets the heap keep what buffers of blocks give back: returned to the system and asked for again,
  /// block after block, each of their pages is cleared each time.
  public static func keepFreedMemory() {
    #if os(Linux)
      system_set_heap(32 << 20, 4 << 20)
    #endif
  }

  /// Has what is freed go back to the system: a limit on memory is one on what the system sees.
  public static func returnFreedMemory() {
    #if os(Linux)
      system_set_heap(1 << 20, 1 << 20)
    #endif
  }

  /// Seconds on a clock that never goes back.
  public static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Bytes of memory that this process may use: the machine's, or its control group's if less.
  public static var memoryByteCount: Int {
    var limit = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    #if os(Linux)
      limit = min(limit, controlGroupLimit(groups: contents(ofSmallFile: "/proc/self/cgroup")))
    #endif
    var resource = rlimit()
    #if os(Linux)
      let addressSpace = __rlimit_resource_t(RLIMIT_AS.rawValue)
    #else
      let addressSpace = RLIMIT_AS
    #endif
    if getrlimit(addressSpace, &resource) == 0, resource.rlim_cur < rlim_t(Int.max) {
      limit = min(limit, Int(resource.rlim_cur))
    }
    return limit
  }

  /// The lowest limit, in bytes, of the control groups that this process is in and of those around
  /// them; of version 1 (a hierarchy for memory) or 2.
  ///
  /// - groups: lines of number, controllers and path; without them the outermost groups count.
  package static func controlGroupLimit(groups: String?, root: String = "/sys/fs/cgroup") -> Int {
    var limit = Int.max
    for line in (groups ?? "0::/\n1:memory:/").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isSecond = fields[1].isEmpty
      guard isSecond || fields[1].split(separator: ",").contains("memory") else { continue }
      let file = isSecond ? "/memory.max" : "/memory.limit_in_bytes"
      var group = fields[2]
      while true {
        let path = root + (isSecond ? "" : "/memory") + group + file
        let text = contents(ofSmallFile: path)?.prefix { $0 != "\n" }
        if let text, let value = Int(text) { limit = min(limit, value) }
        guard let slash = group.lastIndex(of: "/") else { break }
        group = group[..<slash]
      }
    }
    return limit
  }

  /// The text of a file of less than a page; nothing if it cannot be read.
  private static func contents(ofSmallFile path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &bytes, bytes.count)
    guard count > 0 else { return nil }
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}

/// The system's words for an error number, in lower case as in our own messages.
public func systemMessage(_ number: CInt = errno) -> String {
  let text = String(cString: strerror(number))
  return text.prefix(1).lowercased() + text.dropFirst()
}

/// read(2), under a name that the methods called `read` do not hide.
func readBytes(_ descriptor: CInt, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(descriptor, buffer.baseAddress, buffer.count)
}
