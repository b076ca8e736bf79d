import Foundation
import Glibc
import Testing

@testable import CairnCore

@Suite struct UncachedFileTests {
  /// In the working directory, which most often lies on a disk, and in the temporary one, which may be in memory.
  static let places = [
    FileManager.default.currentDirectoryPath + "/.build", FileManager.default.temporaryDirectory.path,
  ]

  @Test(
    arguments: places,
    [0, 1, 4_095, 4_096, 65_535, 65_536, 65_537, 69_632, 1 << 20, (1 << 20) + 4_097, (2 << 20) + 123])
  func everyByteArrivesWhateverTheLengthAndWhereverItLies(place: String, length: Int) throws {
    let path = "\(place)/cairn-uncached-\(UUID().uuidString)"
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: length + 4_096, alignment: 4_096)
    defer { buffer.deallocate() }
    var generator = SeededGenerator(seed: UInt64(length))
    for index in stride(from: 0, to: buffer.count - 7, by: 8) {
      buffer.storeBytes(of: generator.next(), toByteOffset: index, as: UInt64.self)
    }
    for start in [0, 512, 1] {
      defer { unlink(path) }
      let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<start + length])
      let file = try OpenFile(path, O_RDWR | O_CREAT | O_EXCL)
      try file.writeUncached(bytes)
      #expect(try file.contents().elementsEqual(bytes), "from byte \(start)")
      try file.sync()
      let read = UnsafeMutableRawBufferPointer.allocate(byteCount: length + 1, alignment: 4_096)
      defer { read.deallocate() }
      // Both what is in the cache by now and what is not.
      for _ in 0..<2 {
        let room = UnsafeMutableRawBufferPointer(rebasing: read[..<length])
        room.initializeMemory(as: UInt8.self, repeating: 0)
        #expect(try file.readUncached(into: room, at: 0) == length)
        #expect(room.elementsEqual(bytes))
        posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
      }
      // What is written next, to this descriptor, is anything.
      try file.write([1, 2, 3], at: length)
      try file.sync()
      #expect(try file.contents().suffix(3) == [1, 2, 3])
    }
  }

  @Test func whatIsWrittenAndReadPastTheCacheTakesNoMemoryOfIt() throws {
    let path = Self.places[0] + "/cairn-uncached-\(UUID().uuidString)"
    let size = 4 << 20
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4_096)
    buffer.initializeMemory(as: UInt8.self, repeating: 7)
    defer {
      buffer.deallocate()
      unlink(path)
    }
    let file = try OpenFile(path, O_RDWR | O_CREAT | O_EXCL)
    // In memory, for one, there is nothing to go past.
    guard Filesystem.suitsUncachedFiles(Self.places[0]) else { return }
    try file.writeUncached(UnsafeRawBufferPointer(buffer))
    try file.sync()
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    #expect(try file.readUncached(into: buffer, at: 0) == size)
    #expect(buffer.allSatisfy { $0 == 7 })
    let mapped = try #require(mmap(nil, size, PROT_READ, MAP_SHARED, file.descriptor, 0))
    defer { munmap(mapped, size) }
    var pages = [UInt8](repeating: 0, count: size / 4_096)
    try #require(mincore(mapped, size, &pages) == 0)
    #expect(pages.count { $0 & 1 == 1 } == 0)
  }
}
