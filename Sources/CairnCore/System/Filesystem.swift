import CairnSystem
import Foundation

/// How the index keeps its journal, chosen by the filesystem that holds the repository.
public enum JournalMode: String, Sendable, Codable, CaseIterable {
  /// A write-ahead log: readers and a writer do not wait for each other; needs shared memory, so one host.
  case wal
  /// A rollback journal: works on network filesystems; loads read instead of mapping.
  case delete
}

/// What kind of filesystem a directory is on, as far as locks and shared memory go.
enum Filesystem {
  /// The journal mode that suits the filesystem of `directory`. Throws if its locks are local to one host.
  static func journalMode(for directory: String) throws -> JournalMode {
    let type = cairn_filesystem_type(directory)
    guard type >= 0 else { throw CairnError.system("find the filesystem of", directory) }
    return try journalMode(type: type, mount: Mount.holding(directory), directory: directory)
  }

  /// Whether it is worth while to write and read past the page cache there: on ext4 and XFS, where that was measured. In memory there
  /// is nothing to go past, btrfs does not compress what is written so, and networks have their own rules.
  static func suitsUncachedFiles(_ directory: String) -> Bool {
    [0xEF53, 0x5846_5342].contains(cairn_filesystem_type(directory))
  }

  /// The table of mounts, which may be long, is read only for those kinds that it tells more about.
  static func journalMode(
    type: Int64, mount: @autoclosure () -> Mount?, directory: String
  ) throws -> JournalMode {
    switch type {
    case 0x6969:  // NFS
      let mount = mount()
      for option in ["nolock", "local_lock=all", "local_lock=flock"] where mount?.options.contains(option) ?? false {
        throw localLocks(directory, "NFS mounted with \(option)")
      }
      return .delete
    case 0x0BD0_0BD0:  // Lustre
      if mount()?.options.contains("localflock") ?? false {
        throw localLocks(directory, "Lustre mounted with localflock")
      }
      return .delete
    case 0x4750_4653, 0x00C3_6400, 0x1983_0326, 0x0116_1970, 0x7461_636F, 0x5346_414F:
      return .delete  // GPFS, CephFS, BeeGFS, GFS2, OCFS2, AFS
    case 0x517B, 0xFE53_4D42, 0xFF53_4D42: throw localLocks(directory, "SMB")
    case 0x0102_1997: throw localLocks(directory, "9p")
    case 0x6573_5546:  // FUSE
      let mount = mount()
      let kind = mount?.type ?? "fuse"
      func isAny(of programs: [String]) -> Bool {
        programs.contains { kind == "fuse." + $0 || mount?.source == $0 }
      }
      if isAny(of: ["s3fs", "gcsfuse", "goofys", "rclone", "blobfuse", "blobfuse2", "mountpoint-s3", "geesefs"]) {
        throw localLocks(directory, "an object store through \(kind)")
      }
      // They leave locks to the kernel of each host, which does not tell the others.
      if isAny(of: ["sshfs", "curlftpfs", "davfs2", "davfs", "smbnetfs", "gvfsd-fuse"]) {
        throw localLocks(directory, "another host's files through \(kind)")
      }
      return .delete
    default: return .wal
    }
  }

  private static func localLocks(_ directory: String, _ what: String) -> CairnError {
    CairnError(
      .unsupportedFilesystem,
      "\(directory): is on \(what), whose locks are local to one host: two hosts could write at once and lose data",
      advice: "use a local disk, or a filesystem with locks that all hosts see (NFSv4, Lustre with flock, CephFS)")
  }
}

/// A line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
struct Mount {
  var point: String
  var type: String
  var source: String
  var options: Set<String>

  init?(_ line: Substring) {
    let halves = line.split(separator: " - ", maxSplits: 1)
    guard halves.count == 2 else { return nil }
    let left = halves[0].split(separator: " ")
    let right = halves[1].split(separator: " ")
    guard left.count >= 6, right.count >= 2 else { return nil }
    point = String(left[4]).replacing("\\040", with: " ")
    type = String(right[0])
    source = String(right[1])
    let listed = left[5].split(separator: ",") + (right.count > 2 ? right[2].split(separator: ",") : [])
    options = Set(listed.map(String.init))
  }

  /// The mount that holds `directory`: of those whose point is a prefix, the longest, and of these the last.
  static func holding(_ directory: String) -> Mount? {
    guard let table = try? Files.procFile("/proc/self/mountinfo"), let resolved = realpath(directory, nil) else {
      return nil
    }
    defer { free(resolved) }
    let path = String(cString: resolved)
    var best: Mount?
    for line in table.split(separator: "\n") {
      guard let mount = Mount(line) else { continue }
      let prefix = mount.point == "/" ? "/" : mount.point + "/"
      guard path == mount.point || path.hasPrefix(prefix) else { continue }
      if mount.point.utf8.count >= (best?.point.utf8.count ?? 0) { best = mount }
    }
    return best
  }
}

extension Files {
  /// A file of /proc, whose size `stat` does not know.
  static func procFile(_ path: String) throws -> String {
    let file = try OpenFile(path, O_RDONLY)
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try piece.withUnsafeMutableBytes { try file.read(into: $0, at: bytes.count) }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += piece[..<count]
    }
  }
}
