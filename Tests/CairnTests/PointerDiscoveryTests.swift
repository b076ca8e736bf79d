import Cairn
import Foundation
import Testing

@Suite struct PointerDiscoveryTests {
  @Test func aRepositoryIsFoundWhereverItHasMovedTo() throws {
    let scratch = try Scratch()
    try scratch.make("home")
    try scratch.make("old/work")
    let made = try Repository.initialize(scratch.path + "/old/.cairn", chunkSize: 64 * 1024)
    var pointer = try made.saveWithPointer(scratch.path + "/old/work/a.ckpt")
    pointer.relative = "../.cairn"
    func place(_ file: String, from directory: String = "/", _ environment: [String: String] = [:]) throws -> String {
      var discovery = scratch.discovery
      discovery.environment.merge(environment) { $1 }
      return try discovery.repository(of: pointer, at: scratch.path + "/" + file, from: directory).path
    }
    #expect(try place("elsewhere") == made.path)
    // Moved together: relative to the pointer, and to what a link to it leads to.
    try FileManager.default.moveItem(atPath: scratch.path + "/old", toPath: scratch.path + "/new")
    #expect(try place("new/work/a.ckpt") == scratch.path + "/new/.cairn")
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/link", withDestinationPath: scratch.path + "/new/work/a.ckpt")
    #expect(try place("link") == scratch.path + "/new/.cairn")
    let lost = #expect(throws: CairnError.self) { try place("elsewhere") }
    #expect(lost?.kind == .notARepository)
    #expect(lost?.message.contains(scratch.path + "/old/.cairn") == true)
    #expect(lost?.advice.contains("CAIRN_REPO") == true)
    #expect(try place("elsewhere", ["CAIRN_REPO": scratch.path + "/new"]) == scratch.path + "/new/.cairn")
    #expect(try place("elsewhere", from: scratch.path + "/new/work") == scratch.path + "/new/.cairn")
    let known = KnownRepositories(environment: scratch.discovery.environment)
    known.note(pointer.repository, at: scratch.path + "/new/.cairn")
    known.note(pointer.repository, at: scratch.path + "/new/.cairn")
    #expect(known.places(of: pointer.repository) == [scratch.path + "/new/.cairn"])
    #expect(try place("elsewhere") == scratch.path + "/new/.cairn")
  }

  @Test func anotherRepositoryInItsPlaceIsNotTaken() throws {
    let scratch = try Scratch()
    try scratch.make("other")
    let repository = try scratch.repository()
    var pointer = try repository.saveWithPointer(scratch.path + "/a.ckpt")
    let other = try Repository.initialize(scratch.path + "/other/.cairn", chunkSize: 64 * 1024)
    pointer.place = other.path
    let file = scratch.path + "/other/p"
    #expect { try scratch.discovery.repository(of: pointer, at: file, from: "/") } throws: {
      ($0 as? CairnError)?.kind == .notARepository
    }
    pointer.place = repository.path
    pointer.manifest = Digest(hashing: [1])
    #expect { try repository.checkpoint(pointer, at: file) } throws: { ($0 as? CairnError)?.kind == .invalid }
    pointer.checkpoint = String(repeating: "0", count: 32)
    #expect { try repository.checkpoint(pointer, at: file) } throws: { ($0 as? CairnError)?.kind == .notFound }
  }

  @Test func somebodyElsesRepositoryIsNotUsedUnlessNamed() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let pointer = try repository.saveWithPointer(scratch.path + "/a.ckpt")
    var discovery = scratch.discovery
    discovery.user = geteuid() + 1
    #expect { try discovery.repository(of: pointer, at: scratch.path + "/a.ckpt", from: "/") } throws: {
      ($0 as? CairnError)?.kind == .untrusted
    }
    discovery.environment["CAIRN_REPO"] = repository.path
    #expect(try discovery.repository(of: pointer, at: scratch.path + "/a.ckpt", from: "/").path == repository.path)
  }

  @Test func aDeadPointerSaysWhoRemovedItsVersionAndWhen() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let file = scratch.path + "/a.ckpt"
    let pointer = try repository.saveWithPointer(file)
    _ = try repository.remove(ids: [pointer.checkpoint])
    let removal = try #require(try repository.removal(ofID: pointer.checkpoint))
    let error = #expect(throws: CairnError.self) { try repository.checkpoint(pointer, at: file) }
    #expect(error?.kind == .removed)
    #expect(error?.message.contains("removed on \(removal.time) by \(removal.user) on \(removal.host)") == true)
  }
}
