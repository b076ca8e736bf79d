import Foundation
import Testing

@testable import CairnCore

/// Which journal a filesystem allows, and which filesystems cannot serve at all.
@Suite struct FilesystemTests {
  private func mount(_ type: String, source: String = "server:/export", options: String = "rw,relatime") throws -> Mount
  {
    try #require(Mount("36 35 98:0 / /mnt/data rw,noatime - \(type) \(source) \(options)"))
  }

  private func mode(_ magic: Int64, _ mount: Mount?) throws -> JournalMode {
    try Filesystem.journalMode(type: magic, mount: mount, directory: "/mnt/data/repo")
  }

  @Test func localFilesystemsGetAWriteAheadLog() throws {
    // ext4, XFS, btrfs, tmpfs, overlay (linux/magic.h)
    for magic: Int64 in [0xEF53, 0x5846_5342, 0x9123_683E, 0x0102_1994, 0x794C_7630] {
      #expect(try mode(magic, mount("ext4")) == .wal)
      #expect(try mode(magic, nil) == .wal)
    }
  }

  @Test func networkFilesystemsGetARollbackJournal() throws {
    #expect(try mode(0x6969, mount("nfs4")) == .delete)
    #expect(try mode(0x6969, nil) == .delete)
    #expect(try mode(0x6969, mount("nfs", options: "rw,local_lock=none")) == .delete)
    #expect(try mode(0x0BD0_0BD0, mount("lustre", options: "rw,flock")) == .delete)
    #expect(try mode(0x00C3_6400, mount("ceph")) == .delete)
    #expect(try mode(0x4750_4653, mount("gpfs")) == .delete)
    #expect(try mode(0x6573_5546, mount("fuse.glusterfs")) == .delete)
  }

  @Test func locksThatAreLocalToAHostAreRefused() throws {
    for options in ["rw,nolock", "rw,vers=3,local_lock=all", "rw,local_lock=flock"] {
      #expect(failure { try mode(0x6969, mount("nfs", options: options)) } == .unsupportedFilesystem)
    }
    #expect(failure { try mode(0x0BD0_0BD0, mount("lustre", options: "rw,localflock")) } == .unsupportedFilesystem)
    for magic: Int64 in [0x517B, 0xFE53_4D42, 0xFF53_4D42, 0x0102_1997] {
      #expect(failure { try mode(magic, nil) } == .unsupportedFilesystem)
    }
    for type in ["fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.sshfs"] {
      #expect(failure { try mode(0x6573_5546, mount(type)) } == .unsupportedFilesystem)
    }
    #expect(failure { try mode(0x6573_5546, mount("fuse", source: "s3fs")) } == .unsupportedFilesystem)
    let text = message { try mode(0x517B, nil) }
    #expect(text.contains("SMB") && text.contains("/mnt/data/repo"))
  }

  /// A filesystem whose locks are really local: another host's files, this one being the other host.
  @Test(.enabled(if: SSHMount.isPossible)) func aMountWithoutSharedLocksIsWrittenToByNobody() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([[1, 2, 3]], "a")
    let mount = try SSHMount(of: scratch.path)
    #expect(failure { try Repository.initialize(mount.path + "/new") } == .unsupportedFilesystem)
    #expect(failure { try repository.backup(to: mount.path + "/backup") } == .unsupportedFilesystem)
    // One that a host made whose locks serve.
    let there = try Repository(opening: mount.path)
    #expect(failure { try there.save([[4]], "b") } == .unsupportedFilesystem)
    #expect(failure { try there.remove(PathName(path: "a")) } == .unsupportedFilesystem)
    #expect(message { try there.collectGarbage() }.contains("local to one host"))
    #expect(try repository.names() == ["a@1"])
    try repository.expectSound(["a@1": [[1, 2, 3]]])
  }

  @Test func linesOfTheMountTableAreRead() throws {
    let line = "36 35 98:0 /mnt1 /mnt\\040two rw,noatime master:1 shared:2 - nfs4 host:/x rw,local_lock=all"
    let mount = try #require(Mount(Substring(line)))
    #expect(mount.point == "/mnt two")
    #expect(mount.type == "nfs4")
    #expect(mount.source == "host:/x")
    #expect(mount.options.isSuperset(of: ["noatime", "local_lock=all"]))
    for bad in ["", "36 35", "36 35 98:0 / /mnt rw", "36 35 98:0 / /mnt rw - ext4"] {
      #expect(Mount(Substring(bad)) == nil)
    }
    #expect(Mount.holding("/proc")?.type == "proc")
    #expect(Mount.holding("/") != nil)
  }

  @Test func theRepositoryRemembersItsJournal() throws {
    for journal in JournalMode.allCases {
      let scratch = try Scratch()
      let repository = try scratch.repository(journal)
      try repository.save([[1]], "a")
      #expect(try Repository(opening: scratch.path).configuration.journal == journal)
      #expect(try Files.exists(repository.indexPath + "-wal") == (journal == .wal))
    }
  }

  @Test func nothingIsMadeWhereSomethingElseIs() throws {
    let scratch = try Scratch()
    try OpenFile(scratch.path + "/file", O_WRONLY | O_CREAT).write([1], at: 0)
    #expect(failure { try Repository.initialize(scratch.path) } == .alreadyExists)
    #expect(failure { try Repository.initialize(scratch.path + "/file") } == .alreadyExists)
    _ = try scratch.repository()
    #expect(failure { try scratch.repository() } == .alreadyExists)
    #expect(failure { try Repository(opening: scratch.path + "/none") } == .notARepository)
    #expect(failure { try Repository.initialize(scratch.path + "/new", chunkSize: 1_000) } == .invalid)
    // What an `init` that died has left is no obstacle.
    unlink(scratch.path + "/.cairn/cairn.json")
    #expect(try scratch.repository().names() == [])
  }
}
