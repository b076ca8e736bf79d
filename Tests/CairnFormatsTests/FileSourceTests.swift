import CairnFormats
import Foundation
import Testing

struct FileSourceTests {
  /// A new folder, gone afterwards.
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "cairn-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

  @Test func readsAtAnyPlace() throws {
    try withFolder { folder in
      try write([1, 2, 3, 4], to: folder + "/a")
      let source = try FileSource(path: folder + "/a")
      #expect(source.size == 4)
      #expect(source.name == folder + "/a")
      #expect(abs(Double(source.modificationTime.seconds) - Date().timeIntervalSince1970) < 60)
      #expect(try source.bytes(at: 1, count: 2) == [2, 3])
      #expect(try source.bytes(at: 4, count: 0) == [])
      for (offset, count) in [(3, 2), (5, 0), (-1, 1), (Int.max, 1)] {
        #expect(throws: FileSourceError.cutShort(path: source.name, offset: offset)) {
          try source.bytes(at: offset, count: count)
        }
      }
      try source.checkUnchanged()
    }
  }

  @Test func refusesWhatIsNoRegularFile() throws {
    try withFolder { folder in
      #expect(mkfifo(folder + "/fifo", 0o600) == 0)
      for path in [folder, folder + "/fifo", "/dev/null"] {
        #expect(throws: FileSourceError.notARegularFile(path: path)) { try FileSource(path: path) }
      }
      #expect(throws: FileSourceError.cannotOpen(path: folder + "/none", code: ENOENT)) {
        try FileSource(path: folder + "/none")
      }
    }
  }

  @Test func noticesWritingReplacingAndRemoving() throws {
    try withFolder { folder in
      let path = folder + "/a"
      let changes: [() throws -> Void] = [
        {
          let handle = try #require(FileHandle(forWritingAtPath: path))
          try handle.seekToEnd()
          try handle.write(contentsOf: Data([5]))
        },
        { #expect(truncate(path, 2) == 0) },
        {
          try write([1, 2, 3, 4], to: path + ".new")
          #expect(rename(path + ".new", path) == 0)
        },
        { #expect(unlink(path) == 0) },
      ]
      for change in changes {
        try write([1, 2, 3, 4], to: path)
        let source = try FileSource(path: path)
        try source.checkUnchanged()
        try change()
        #expect(throws: FileSourceError.changedWhileRead(path: path)) { try source.checkUnchanged() }
      }
    }
  }

  @Test func saysWhereAFileWasCutShort() throws {
    try withFolder { folder in
      try write([1, 2, 3, 4], to: folder + "/a")
      let source = try FileSource(path: folder + "/a")
      #expect(truncate(folder + "/a", 2) == 0)
      #expect(throws: FileSourceError.cutShort(path: folder + "/a", offset: 2)) { try source.bytes(at: 0, count: 4) }
    }
  }
}
