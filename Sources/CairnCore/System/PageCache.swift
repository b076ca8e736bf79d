import Glibc

/// The kernel's copies of files in memory.
package enum PageCache {
  /// Whether it has at least half of some bytes of a file; nil if that cannot be told. Of a file that is somebody
  /// else's and that this user may not write, the kernel says that it has all (mincore(2)).
  package static func holds(_ descriptor: Int32, at offset: Int, count: Int) -> Bool? {
    let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
    let start = offset - offset % pageSize
    let length = offset + count - start
    guard let mapped = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, off_t(start)), mapped != MAP_FAILED else {
      return nil
    }
    defer { munmap(mapped, length) }
    var pages = [UInt8](repeating: 0, count: (length + pageSize - 1) / pageSize)
    guard mincore(mapped, length, &pages) == 0 else { return nil }
    return 2 * pages.count { $0 & 1 == 1 } >= pages.count
  }
}
