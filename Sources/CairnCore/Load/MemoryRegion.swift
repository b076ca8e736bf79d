import Glibc
import Synchronization

/// Bytes in memory: a storage that was loaded. Writing to them never reaches the repository.
public final class MemoryRegion: @unchecked Sendable {
  // Unchecked: who shares the memory between threads synchronizes its use, as with any buffer.

  /// The first byte; nil if there are none.
  public let baseAddress: UnsafeMutableRawPointer?
  /// How many bytes there are.
  public let byteCount: Int
  /// How many mappings of blob files it takes; 0 if the bytes are a copy.
  public let mappingCount: Int
  /// The region that this is a part of, and that lives for as long as any of its parts; nil if it stands by itself.
  public let whole: MemoryRegion?

  private init(
    baseAddress: UnsafeMutableRawPointer?, byteCount: Int, mappingCount: Int, whole: MemoryRegion? = nil
  ) {
    self.baseAddress = baseAddress
    self.byteCount = byteCount
    self.mappingCount = mappingCount
    self.whole = whole
  }

  /// Smaller ones come from the heap: each mapping of its own would count against the kernel's limit.
  private static let smallestReserved = 64 * 1024

  deinit {
    if let baseAddress, whole == nil {
      if mappingCount == 0 && byteCount < Self.smallestReserved {
        free(baseAddress)
      } else {
        munmap(baseAddress, byteCount)
      }
    }
    MappingBudget.give(back: mappingCount)
  }

  /// The bytes.
  public var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: baseAddress, count: byteCount)
  }

  /// Memory of this process's own, aligned to 64 bytes at least.
  package static func allocate(_ byteCount: Int) throws -> MemoryRegion {
    if byteCount == 0 { return MemoryRegion(baseAddress: nil, byteCount: 0, mappingCount: 0) }
    var memory: UnsafeMutableRawPointer?
    if byteCount < smallestReserved {
      let code = posix_memalign(&memory, 64, byteCount)
      guard code == 0 else { throw CairnError.system("reserve \(byteCount) bytes of memory", "load", code) }
    } else {
      memory = try reserve(byteCount, PROT_READ | PROT_WRITE)
    }
    return MemoryRegion(baseAddress: memory, byteCount: byteCount, mappingCount: 0)
  }

  /// How many bytes regions that share memory have together at most: what one that lives on keeps of the others.
  private static let sharedLimit = 1 << 20

  /// Memory of this process's own for many regions at once. Small ones share some, one behind the other: twenty thousand
  /// that are allocated and freed by themselves take longer than what is in them takes to read.
  package static func allocate(_ byteCounts: [Int]) throws -> [MemoryRegion] {
    var regions: [MemoryRegion] = []
    regions.reserveCapacity(byteCounts.count)
    var index = 0
    while index < byteCounts.count {
      var end = index
      var total = 0
      while end < byteCounts.count, byteCounts[end] < smallestReserved, total + byteCounts[end] <= sharedLimit {
        total += aligned(byteCounts[end])
        end += 1
      }
      guard end - index > 1, total > 0 else {
        regions.append(try allocate(byteCounts[index]))
        index += 1
        continue
      }
      let whole = try allocate(total)
      var offset = 0
      while index < end {
        regions.append(
          MemoryRegion(
            baseAddress: whole.baseAddress.map { $0 + offset }, byteCount: byteCounts[index], mappingCount: 0,
            whole: whole))
        offset += aligned(byteCounts[index])
        index += 1
      }
    }
    return regions
  }

  /// The next multiple of 64.
  private static func aligned(_ byteCount: Int) -> Int { (byteCount + 63) & ~63 }

  /// Files mapped copy-on-write one behind the other; all but the last are whole pages long. `open` gives them and their
  /// sizes, one at a time, and nil for one that cannot be mapped.
  ///
  /// nil if one cannot, if that would take more mappings or descriptors than this process may have, or if a file is not
  /// as long as it should be.
  static func map(lengths: [Int], open: (Int) throws -> (file: OpenFile, size: Int)?) throws -> MemoryRegion? {
    let total = lengths.reduce(0, +)
    guard MappingBudget.take(lengths.count) else { return nil }
    let base: UnsafeMutableRawPointer
    do {
      base = try reserve(total, PROT_NONE)
    } catch {
      MappingBudget.give(back: lengths.count)
      return nil
    }
    let region = MemoryRegion(baseAddress: base, byteCount: total, mappingCount: lengths.count)
    var offset = 0
    for (index, length) in lengths.enumerated() {
      do {
        // Touching what is not there would end the process; whether another copy is good, reading finds out.
        guard let (file, size) = try open(index), size == length else { return nil }
        let wanted = base + offset
        let got = mmap(wanted, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file.descriptor, 0)
        guard got == wanted else { return nil }
      } catch let error as CairnError where error.kind == .io {
        // Out of descriptors: then it is read instead.
        return nil
      }
      offset += length
    }
    return region
  }

  private static func reserve(_ byteCount: Int, _ protection: Int32) throws -> UnsafeMutableRawPointer {
    guard let base = mmap(nil, byteCount, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), base != MAP_FAILED else {
      throw CairnError.system("reserve \(byteCount) bytes of memory", "load")
    }
    return base
  }
}

/// How many mappings of blobs this process may have: a quarter of what the kernel allows, so that `malloc` and others
/// that map memory never run out.
enum MappingBudget {
  /// No lock, which a thread could have while this process is forked.
  private static let used = Atomic(0)

  static let limit: Int = {
    let text = (try? Files.procFile("/proc/sys/vm/max_map_count")) ?? ""
    return (Int(text.split(separator: "\n").first ?? "") ?? 65_530) / 4
  }()

  static func take(_ count: Int) -> Bool {
    if used.add(count, ordering: .relaxed).newValue <= limit { return true }
    give(back: count)
    return false
  }

  static func give(back count: Int) { used.subtract(count, ordering: .relaxed) }

  /// How many are in use.
  static var inUse: Int { used.load(ordering: .relaxed) }
}
