import Foundation
import Testing

@testable import CairnCore

@Suite struct BackupTests {
  private static let large = [bytes(150_000, seed: 1), bytes(90_000, seed: 2)]
  private static let small = [bytes(100, seed: 3), bytes(3_000, seed: 4)]

  // MARK: What is in it

  @Test(arguments: JournalMode.allCases, BackupOptions.Method.allCases)
  func aBackupHoldsEverythingButTheIndex(_ journal: JournalMode, _ method: BackupOptions.Method) throws {
    let pair = try BackupPair(journal)
    try pair.source.save(Self.large + Self.small, "a")
    try pair.source.save(Self.large, "b")
    try pair.source.save([Self.small[0]], "gone")
    _ = try pair.source.remove(PathName(path: "gone"))
    var options = BackupOptions()
    options.method = method
    let report = try pair.source.backup(to: pair.backup, options)
    #expect(try Files.names(in: pair.backup).sorted() == ["blobs", "cairn.json", "lock", "log.jsonl", "tmp"])
    #expect(try Files.names(in: pair.backup + "/tmp") == [])
    #expect(try pair.log() == Files.contents(pair.source.logPath))
    #expect(pair.files() == pair.scratch.blobFiles())
    #expect(report.checkpoints == 2)
    #expect(report.total.files == pair.files().count)
    #expect(report.new == report.total)
    #expect(report.linked == (method == .link ? report.total : .init()))
    #expect(report.copied == (method == .copy ? report.total : .init()))
    #expect(report.problems == [])
    for file in pair.files() {
      let here = try Files.status(pair.scratch.path + "/.cairn/blobs/" + file)
      let there = try Files.status(pair.backup + "/blobs/" + file)
      #expect((here?.identity == there?.identity) == (method == .link))
      #expect(here?.mode == there?.mode)
    }
    let copy = try pair.opened()
    #expect(copy.configuration == pair.source.configuration)
    try copy.expectSound(["a@1": Self.large + Self.small, "b@1": Self.large])
    try copy.reindex()
    try copy.expectSound(["a@1": Self.large + Self.small, "b@1": Self.large])
    #expect(try copy.listing() == pair.source.listing())
  }

  @Test func aBackupNextToARepositoryKeepsIndependentOfIt() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large, "a")
    _ = try pair.source.backup(to: pair.backup)
    _ = try pair.source.remove(PathName(path: "a"))
    _ = try pair.source.collectGarbage()
    #expect(pair.scratch.blobFiles() == [])
    try pair.opened().expectSound(["a@1": Self.large])
  }

  @Test func theNextBackupTakesWhatIsNewAndRemovesWhatIsNotNeeded() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large, "a")
    try pair.source.save(Self.small, "b")
    _ = try pair.source.backup(to: pair.backup)
    let copy = try pair.opened()
    #expect(try copy.names() == ["a@1", "b@1"])
    let before = try copy.checkpoints().count
    let stranger = pair.backup + "/blobs/00/notes.txt"
    try OpenFile(stranger, O_WRONLY | O_CREAT).write([1], at: 0)

    _ = try pair.source.remove(PathName(path: "a"))
    let new = [bytes(70_000, seed: 9)]
    try pair.source.save(new, "c")
    let report = try pair.source.backup(to: pair.backup)
    #expect(before == 2)
    #expect(report.reused.files == 2, "b: its manifest and its pack")
    #expect(report.linked.files == 3, "c: its manifest and two blobs")
    #expect(report.removed.files == 6, "a: its manifest, five blobs")
    #expect(report.removed.bytes >= 240_000)
    #expect(pair.files() == pair.scratch.blobFiles().union(["00/notes.txt"]))
    // The index that was made from the shorter log follows.
    try copy.expectSound(["b@1": Self.small, "c@1": new])
    try pair.opened().expectSound(["b@1": Self.small, "c@1": new])

    let idle = try pair.source.backup(to: pair.backup)
    #expect(idle.new.files == 0)
    #expect(idle.removed.files == 0)
    #expect(idle.reused == idle.total)
  }

  @Test func whatIsMissingOrCutShortInTheBackupIsBroughtAgain() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large + Self.small, "a")
    _ = try pair.source.backup(to: pair.backup, .copying)
    let files = pair.files().sorted()
    let gone = try #require(files.first { !$0.contains(".") })
    unlink(pair.backup + "/blobs/" + gone)
    let short = try #require(files.last { !$0.contains(".") })
    let pack = try #require(files.first { $0.hasSuffix(".pack") })
    for file in [short, pack] {
      chmod(pair.backup + "/blobs/" + file, 0o644)
      truncate(pair.backup + "/blobs/" + file, 10)
    }
    let report = try pair.source.backup(to: pair.backup, .copying)
    #expect(report.copied.files == 3)
    try pair.opened().expectSound(["a@1": Self.large + Self.small])
  }

  @Test func aDryRunChangesNothing() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large, "a")
    var options = BackupOptions()
    options.dryRun = true
    let first = try pair.source.backup(to: pair.backup, options)
    #expect(first.pending.files == pair.scratch.blobFiles().count)
    #expect(first.pending == first.total)
    #expect(try !Files.exists(pair.backup))

    let real = try pair.source.backup(to: pair.backup)
    #expect(real.linked == first.pending)
    _ = try pair.source.remove(PathName(path: "a"))
    try pair.source.save(Self.small, "b")
    let (log, files) = (try pair.log(), pair.files())
    let second = try pair.source.backup(to: pair.backup, options)
    #expect(second.pending.files == 2)
    #expect(second.removed.files == files.count)
    #expect(try pair.log() == log)
    #expect(pair.files() == files)
    #expect(try Files.names(in: pair.backup + "/tmp") == [])
  }

  @Test func anEmptyRepositoryIsBackedUp() throws {
    let pair = try BackupPair()
    let report = try pair.source.backup(to: pair.backup)
    #expect(report.total.files == 0)
    try pair.opened().expectSound([:])
  }

  // MARK: Where to

  @Test func onlyItsOwnDirectoryIsTaken() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    let place = pair.scratch.path
    let own = pair.source.path
    func refusal(_ destination: String) -> CairnError.Kind? { failure { try pair.source.backup(to: destination) } }
    let before = try Files.contents(pair.source.logPath)
    #expect(refusal(own) == .invalid)
    #expect(refusal(place) == .invalid, "the directory that holds it as .cairn")
    #expect(refusal(own + "/backup") == .invalid)
    #expect(refusal(own + "/tmp/backup") == .invalid)
    symlink(own, place + "/link")
    #expect(refusal(place + "/link/backup") == .invalid)
    #expect(refusal(place + "/link") == .invalid)
    #expect(refusal(place + "/missing/backup") == .missing)
    #expect(try !Files.exists(place + "/missing"))

    try Files.makeDirectory(place + "/backup")
    let inner = try Repository.initialize(place + "/backup/inner")
    #expect(failure { try inner.backup(to: place + "/backup") } == .invalid, "it holds the repository")
    #expect(failure { try pair.source.backup(to: place + "/backup/inner") } == .alreadyExists, "another's")
    #expect(message { try pair.source.backup(to: place + "/backup/inner") }.contains("another repository"))
    #expect(refusal(place + "/backup") == .alreadyExists, "not empty")
    try OpenFile(place + "/file", O_WRONLY | O_CREAT).write([1], at: 0)
    #expect(refusal(place + "/file") == .alreadyExists)
    #expect(try Files.contents(pair.source.logPath) == before)
    #expect(try Files.names(in: own + "/tmp") == [])
    #expect(try Files.names(in: place + "/backup") == ["inner"])
  }

  @Test func aBackupInAHiddenDirectoryIsFoundByWhatHoldsIt() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    try FileManager.default.createDirectory(atPath: pair.backup, withIntermediateDirectories: true)
    _ = try pair.source.backup(to: pair.backup + "/.cairn")
    try pair.source.save(Self.large, "b")
    let report = try pair.source.backup(to: pair.backup)
    #expect(report.path == pair.backup + "/.cairn")
    #expect(try Files.names(in: pair.backup) == [".cairn"])
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
  }

  @Test func aBackupThatDiedBeforeItWasARepositoryGoesOn() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    _ = try pair.source.backup(to: pair.backup)
    // As its beginning leaves it: the directories, perhaps a line, no cairn.json.
    let files = FileManager.default
    try files.removeItem(atPath: pair.backup)
    for name in ["/blobs/00", "/blobs/01", "/tmp"] {
      try files.createDirectory(atPath: pair.backup + name, withIntermediateDirectories: true)
    }
    try OpenFile(pair.backup + "/log.jsonl", O_WRONLY | O_CREAT).write(Array("0123".utf8), at: 0)
    _ = try pair.source.backup(to: pair.backup)
    try pair.opened().expectSound(["a@1": Self.small])
  }

  // MARK: Another history

  @Test func whatWasSavedIntoABackupIsNotThrownAway() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    _ = try pair.source.backup(to: pair.backup)
    try pair.opened().save(Self.large, "only here")
    let log = try pair.log()
    #expect(failure { try pair.source.backup(to: pair.backup) } == .diverged)
    #expect(message { try pair.source.backup(to: pair.backup) }.contains("and more"))
    try pair.source.save(Self.large, "b")
    #expect(failure { try pair.source.backup(to: pair.backup) } == .diverged)
    #expect(try pair.log() == log)
    try pair.opened().expectSound(["a@1": Self.small, "only here@1": Self.large])

    var options = BackupOptions()
    options.force = true
    _ = try pair.source.backup(to: pair.backup, options)
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
    #expect(pair.files() == pair.scratch.blobFiles())
  }

  /// Its index has come further than the log that takes the place of its own.
  @Test func aBackupAheadOfItsRepositoryIsReplacedOnlyByForce() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    let earlier = try Files.contents(pair.source.logPath)
    try pair.source.save(Self.large, "b")
    _ = try pair.source.backup(to: pair.backup)
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
    // The repository is put back to an earlier state, without its index.
    IndexCopy.delete(pair.source)
    let log = try OpenFile(pair.source.logPath, O_RDWR | O_TRUNC)
    try log.write(try #require(earlier), at: 0)
    #expect(failure { try pair.source.backup(to: pair.backup) } == .diverged)
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
    var options = BackupOptions()
    options.force = true
    _ = try pair.source.backup(to: pair.backup, options)
    try pair.opened().expectSound(["a@1": Self.small])
  }

  @Test func aDamagedLogInTheBackupIsSaidAndReplacedByForce() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    try pair.source.save(Self.large, "b")
    _ = try pair.source.backup(to: pair.backup)
    try flip(pair.backup + "/log.jsonl", at: 300)
    #expect(failure { try pair.source.backup(to: pair.backup) } == .damaged)
    #expect(message { try pair.source.backup(to: pair.backup) }.contains("--force"))
    var options = BackupOptions()
    options.force = true
    _ = try pair.source.backup(to: pair.backup, options)
    try pair.opened().expectSound(["a@1": Self.small, "b@1": Self.large])
  }

  /// `gc` and `verify` add lines of their own to a backup's log: that is no other history.
  @Test func housekeepingInTheBackupDoesNotKeepTheNextOneFromBeingMade() throws {
    let pair = try BackupPair()
    try pair.source.save([Self.small[0]] + (0..<9).map { bytes(4_000, seed: 10 + $0) }, "many")
    try pair.source.save([Self.small[0]], "one")
    _ = try pair.source.backup(to: pair.backup, .copying)
    let pack = try #require(pair.files().first { $0.hasSuffix(".pack") })
    // A blob in it rots, verify moves the others into another pack.
    try flip(pair.backup + "/blobs/" + pack, at: 2_000)
    var verification = VerifyOptions()
    verification.readData = true
    #expect(try !pair.opened().verify(verification).problems.isEmpty)
    #expect(try pair.log() != Files.contents(pair.source.logPath))
    let report = try pair.source.backup(to: pair.backup, .copying)
    #expect(report.copied.files == 1)
    #expect(try pair.log() == Files.contents(pair.source.logPath))
    #expect(try pair.opened().verify(verification).problems == [])
    #expect(try pair.opened().load("many") == pair.source.load("many"))
  }

  // MARK: A repository that lacks something

  @Test func aDamagedBlobIsNotCopiedAndTheRestIs() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large, "a")
    try pair.source.save(Self.small, "b")
    let blob = pair.source.blobs.path(Digest(hashing: Self.large[0][..<65_536]), .raw)
    try flip(blob, at: 1_000)
    let report = try pair.source.backup(to: pair.backup, .copying)
    #expect(report.problems.map(\.path) == [blob])
    #expect(report.problems.map(\.checkpoints) == [["a@1"]])
    let copy = try pair.opened()
    #expect(try copy.load("b") == Self.small)
    #expect(failure { try copy.load("a") } == .missing)
    #expect(try copy.checkpoints().map(\.state) == [.whole, .incomplete])
  }

  @Test(arguments: BackupOptions.Method.allCases)
  func whatTheRepositoryLosesItsBackupKeeps(_ method: BackupOptions.Method) throws {
    let pair = try BackupPair()
    try pair.source.save(Self.large + Self.small, "a")
    try pair.source.save([bytes(500, seed: 20)], "b")
    _ = try pair.source.backup(to: pair.backup, .copying)
    var options = BackupOptions()
    options.method = method
    let manifest = try pair.source.checkpoint(PathName(path: "b")).manifest
    let blob = Digest(hashing: Self.large[0][..<65_536])
    // One rots, one is cut short, one is lost, and so is a manifest.
    try flip(pair.source.blobs.path(blob, .raw), at: 5)
    let pack = try #require(pair.scratch.blobFiles().sorted().first { $0.hasSuffix(".pack") })
    chmod(pair.scratch.path + "/.cairn/blobs/" + pack, 0o644)
    truncate(pair.scratch.path + "/.cairn/blobs/" + pack, 40)
    unlink(pair.source.blobs.path(Digest(hashing: Self.large[1][..<65_536]), .raw))
    unlink(pair.source.blobs.path(manifest, .zstd))
    try pair.source.reindex()
    #expect(try pair.source.checkpoints().contains { $0.state == .unreadable })
    try pair.source.save([bytes(70_000, seed: 21)], "c")
    let files = pair.files()
    let report = try pair.source.backup(to: pair.backup, options)
    #expect(report.problems == [], "the backup has them all")
    #expect(pair.files().isSuperset(of: files), "nothing is removed while nobody knows what a checkpoint needs")
    try pair.opened().expectSound([
      "a@1": Self.large + Self.small, "b@1": [bytes(500, seed: 20)], "c@1": [bytes(70_000, seed: 21)],
    ])
  }

  @Test func aManifestThatRotsIsNotLinkedIntoTheBackup() throws {
    let pair = try BackupPair()
    let manifest = try pair.source.save(Self.large, "a").manifest
    try pair.source.save(Self.small, "b")
    let file = pair.source.blobs.path(manifest, .zstd)
    try flip(file, at: 30)
    try pair.source.reindex()
    let report = try pair.source.backup(to: pair.backup)
    #expect(report.problems.map(\.path) == [file])
    #expect(report.problems.map(\.checkpoints) == [["a@1"]])
    #expect(try pair.opened().load("b") == Self.small)
  }

  /// The index names a pack that is gone, and the blobs are in another one.
  @Test func blobsAreTakenFromThePackThatHasThem() throws {
    let pair = try BackupPair()
    let kept = bytes(500, seed: 1)
    try pair.source.save([kept, bytes(600, seed: 2)], "a")
    let first = try #require(pair.scratch.blobFiles().first { $0.hasSuffix(".pack") })
    // Another pack with the same blobs and one more.
    let pack = PackFile(
      packing: [kept, bytes(600, seed: 2), bytes(700, seed: 3)].map { (Digest(hashing: $0), $0) })
    let digest = Digest(hashing: pack.bytes)
    try OpenFile(pair.source.blobs.path(digest, .pack), O_WRONLY | O_CREAT, mode: 0o444).write(pack.bytes, at: 0)
    unlink(pair.source.path + "/blobs/" + first)
    let report = try pair.source.backup(to: pair.backup)
    #expect(report.problems == [])
    try pair.opened().reindex()
    #expect(try pair.opened().load("a") == [kept, bytes(600, seed: 2)])
  }

  @Test func aDamagedLogIsNotBackedUp() throws {
    let pair = try BackupPair()
    try pair.source.save(Self.small, "a")
    _ = try pair.source.backup(to: pair.backup)
    try pair.source.save(Self.large, "b")
    try flip(pair.source.logPath, at: 300)
    #expect(failure { try pair.source.backup(to: pair.backup) } == .damaged)
    try pair.opened().expectSound(["a@1": Self.small])
  }
}
