import CairnCore
import Glibc
import Synchronization

/// How others end a ``DirectoryWatch``.
public final class WatchStop: Sendable {
  private let requests = Atomic(0)
  private let reading: Int32
  private let writing: Int32

  /// Makes one that nobody has asked yet.
  ///
  /// Throws ``CairnError/Kind/io`` if the process has no descriptors left.
  public init() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw CairnError.system("make a pipe", "watch", errno) }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (reading, writing) = (ends[0], ends[1])
  }

  deinit {
    close(reading)
    close(writing)
  }

  /// Asks for the end: the first time after the save in progress, the second time without it. From any thread.
  public func request() {
    requests.add(1, ordering: .relaxed)
    var byte: UInt8 = 0
    _ = write(writing, &byte, 1)
  }

  /// Whether it should end.
  public var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }

  /// Whether the save in progress should not be waited for.
  public var isUrgent: Bool { requests.load(ordering: .relaxed) > 1 }

  /// Becomes readable when it should end.
  var descriptor: Int32 { reading }
}
