import Foundation
import GRDB
import Testing

@testable import CairnCore

/// The lists that lead back are those that the lists that lead forward say, whatever was done.
@Suite struct LookupListTests {
  @Test func aListInPiecesIsTheListThatWasPutIn() throws {
    let queue = try DatabaseQueue()
    try IndexFile.migrator.migrate(queue)
    var random = SeededGenerator(seed: 1)
    try queue.write { db in
      try db.execute(
        sql: "INSERT INTO blob (id, digest, size, stored, crc32, place) VALUES (7, ?, 1, 1, 0, 0)",
        arguments: [Digest.zero.data])
      let lists = IDLists(db: db, table: .blobStorages)
      var model = Set<Int64>()
      for step in 0..<6_000 {
        let id = Int64.random(in: 1...2_500, using: &random)
        // Grows first, then shrinks to nothing.
        if Int.random(in: 0..<6_000, using: &random) > step {
          try lists.insert(CollectionOfOne(id), into: 7)
          model.insert(id)
        } else {
          try lists.remove(id, from: 7)
          model.remove(id)
        }
        if step % 500 == 0 { #expect(try lists.ids(of: 7) == model.sorted()) }
      }
      try lists.insert((2_501...4_000).map { Int64($0) }.prefix(400), into: 7)
      model.formUnion((2_501...2_900).map { Int64($0) })
      #expect(try lists.ids(of: 7) == model.sorted())
      for row in try Row.fetchAll(db, sql: "SELECT first, ids FROM blob_storages") {
        let ids = try PackedIDs.decode(row[1] as Data)
        #expect(!ids.isEmpty && ids.count <= IDLists.pieceLimit && ids.allSatisfy { $0 >= row[0] as Int64 })
      }
      for id in model { try lists.remove(id, from: 7) }
      #expect(try Int.fetchOne(db, sql: "SELECT count(*) FROM blob_storages") == 0)
    }
  }

  /// A tensor in more checkpoints than its row lists, a storage of several chunks, one that no tensor names.
  @Test(arguments: JournalMode.allCases)
  func longListsFollowSavesRemovalsAndRebuilds(_ journal: JournalMode) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository(journal)
    let backbone = bytes(150_000, seed: 1)
    for seed in 0..<140 {
      var content = content([backbone, bytes(20, seed: UInt64(seed / 2) + 2)])
      content.content = .state(skeleton: .inline(bytes(70_000, seed: UInt64(seed / 50) + 1_000)))
      _ = try repository.save(content, SaveRequest(path: "a"))
    }
    #expect(try repository.wrongCounts() == [])
    let listed = try repository.tensors(of: PathName(path: "a")).tensors
    #expect(listed.map(\.otherCheckpoints) == [139, 1])
    #expect(listed.map(\.firstSeen.name) == ["a@1", "a@139"])
    let pieces = try repository.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM tensor_manifests") ?? 0 }
    #expect(pieces == 1)
    for version in [1, 2, 40, 64, 65, 66, 100, 139] {
      _ = try repository.remove(PathName(path: "a", version: version))
    }
    #expect(try repository.wrongCounts() == [])
    #expect(try repository.tensors(of: PathName(path: "a")).tensors.map(\.firstSeen.name) == ["a@3", "a@140"])
    // Manifests that come back after a rebuild are listed behind those that come later.
    let hidden = try repository.checkpoints().filter { $0.version % 7 == 3 }.map {
      repository.blobs.path($0.manifest, .zstd)
    }
    for file in hidden { try FileManager.default.moveItem(atPath: file, toPath: file + ".away") }
    try repository.reindex()
    #expect(try repository.tensors(of: PathName(path: "a")).tensors[0].firstSeen.name == "a@5")
    #expect(try repository.wrongCounts() == [])
    for file in hidden { try FileManager.default.moveItem(atPath: file + ".away", toPath: file) }
    try repository.save([[1]], "b")
    #expect(try repository.tensors(of: PathName(path: "a")).tensors.map(\.firstSeen.name) == ["a@3", "a@140"])
    #expect(try repository.wrongCounts() == [])
    _ = try repository.remove(PathName(path: "a"))
    #expect(try repository.wrongCounts() == [])
    let left = try repository.read { db in
      try IDLists.Table.allCases.map { try Int.fetchOne(db, sql: "SELECT count(*) FROM \($0.rawValue)") ?? -1 }
    }
    #expect(left == [0, 0, 0, 0])
  }

  /// Rows at 0 that a save revives before they were swept.
  @Test func revivedRowsAreListedAgain() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let large = bytes(150_000, seed: 1)
    try repository.save([large, [1]], "a")
    let id = try #require(try repository.checkpoints().first?.id)
    _ = try repository.locked { try $0.commitRemoval(of: [id]) }
    #expect(try repository.wrongCounts() == [])
    try repository.save([large, [2]], "b")
    #expect(try repository.wrongCounts() == [])
    #expect(try repository.tensors(of: PathName(path: "b")).tensors.map(\.otherCheckpoints) == [0, 0])
  }

  /// In a rebuild the rows of what was replaced are gone when the same content comes again.
  @Test func contentThatComesBackIsCountedAgainInARebuild() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let contents = [[bytes(150_000, seed: 1), bytes(20, seed: 2)], [bytes(20, seed: 3)]]
    for turn in 0..<5 { try repository.save(contents[turn % 2], "last", keep: 1) }
    try repository.reindex()
    #expect(try repository.wrongCounts() == [])
    try repository.expectSound(["last@5": contents[0]])
    try repository.save(contents[1], "last", keep: 1)
    try repository.expectSound(["last@6": contents[1]])
  }

  /// Only what has a file waits for a sweep.
  @Test func removedRowsWithoutFilesAreGoneBeforeTheSweep() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([bytes(150_000, seed: 1), bytes(20, seed: 2)], "a")
    let id = try #require(try repository.checkpoints().first?.id)
    _ = try repository.locked { try $0.commitRemoval(of: [id]) }
    func rows(_ sql: String) throws -> Int { try repository.read { try Int.fetchOne($0, sql: sql) ?? -1 } }
    for table in ["manifest", "manifest_lists", "tensor", "storage"] {
      #expect(try rows("SELECT count(*) FROM \(table)") == 0, "\(table)")
    }
    // Three chunks and the manifest have files of their own, the small one lies in a pack.
    #expect(try rows("SELECT count(*) FROM blob WHERE refs = 0 AND pack_id IS NULL") == 4)
    #expect(try rows("SELECT count(*) FROM blob") == 4)
    #expect(try rows("SELECT count(*) FROM pack WHERE refs = 0") == 1)
    let files = try FileManager.default.subpathsOfDirectory(atPath: repository.blobs.root).compactMap {
      try Files.status(repository.blobs.root + "/" + $0).flatMap { $0.isRegularFile ? $0.size : nil }
    }
    #expect(files.count == 5)
    #expect(try repository.stats().unreferencedBytes == files.reduce(0, +))
    _ = try repository.collectGarbage()
    #expect(try repository.stats().unreferencedBytes == 0)
    #expect(try rows("SELECT (SELECT count(*) FROM blob) + (SELECT count(*) FROM pack)") == 0)
  }

  @Test func verifyFindsAWrongList() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try repository.save([bytes(150_000, seed: 1), bytes(10, seed: 2)], "a")
    try repository.save([bytes(150_000, seed: 1), bytes(10, seed: 3)], "a")
    for damage in [
      "UPDATE tensor SET manifests = x'02' WHERE id = 1", "DELETE FROM blob_storages WHERE blob_id = 3",
      "INSERT INTO tensor_manifests VALUES (1, 1, x'02')", "INSERT INTO storage_manifests VALUES (1, 1, x'02')",
      "UPDATE blob_storages SET first = 2 WHERE blob_id = 3", "UPDATE tensor_name SET tensors = x'02' WHERE id = 2",
      "INSERT INTO name_tensors VALUES (1, 1, x'02')",
    ] {
      try repository.locked { locked in try locked.write { try $0.execute(sql: damage) } }
      #expect(try !repository.wrongCounts().isEmpty, "\(damage)")
      var options = VerifyOptions()
      options.repair = true
      #expect(try repository.verify(options).problems == [], "\(damage)")
      #expect(try repository.wrongCounts() == [], "\(damage)")
    }
  }
}
