import Cairn
import Foundation
import Testing

/// Files that are wrong on purpose: a clear error, nothing saved, nothing run.
@Suite struct BadInputTests {
  struct Listing: Decodable {
    struct File: Decodable {
      var expect: String
      var why: String
    }
    var files: [String: File]
  }

  static let folder = Fixtures.directory + "/bad"

  static func files(_ expectation: String) throws -> [String] {
    try JSONDecoder().decode(Listing.self, from: contents(folder + "/bad.json")).files
      .filter { $0.value.expect == expectation }.keys.sorted()
  }

  private func expectNothingSaved(_ repository: Repository, _ comment: Comment) throws {
    #expect(try repository.checkpoints().isEmpty, comment)
    #expect(try repository.blobFiles().isEmpty, comment)
    #expect(try repository.temporaryFiles().isEmpty, comment)
  }

  @Test func aBrokenFileIsAnErrorThatNamesItAndNothingIsSaved() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let names = try Self.files("error").filter { !Self.kept.contains($0) }
    #expect(names.count > 60)
    for name in names {
      let path = Self.folder + "/" + name
      do {
        _ = try repository.save(file: path, SaveRequest(path: name))
        Issue.record("\(name) was saved")
      } catch let error as CairnError {
        #expect(error.kind == .damaged, "\(name)")
        #expect(error.message.contains(path), "\(name): \(error)")
        #expect(error.message.count < 1000 && !error.advice.isEmpty, "\(name): \(error)")
      } catch {
        Issue.record("\(name): \(type(of: error)): \(error)")
      }
      try expectNothingSaved(repository, "\(name)")
    }
    // In a directory just the same.
    let folder = scratch.path + "/in"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data("good".utf8).write(to: URL(fileURLWithPath: folder + "/a"))
    try FileManager.default.copyItem(atPath: Self.folder + "/zip_truncated.pt", toPath: folder + "/b.pt")
    do {
      _ = try repository.save(file: folder, SaveRequest(path: "directory"))
      Issue.record("the directory was saved")
    } catch let error as CairnError {
      #expect(error.message.contains(folder + "/b.pt"))
    }
    try expectNothingSaved(repository, "directory")
  }

  /// Of 10^40 values when written out: saving it as a state is refused after some 10^7, which takes a debug build long.
  private static let endless = "pickle_memo_bomb.pt"

  /// Of another kind than a PyTorch container, and so kept as any other file is.
  private static let kept: Set = ["zip_empty.pt", "zip_no_pickle.pt", "zip_without_start.pt"]

  @Test func anArchiveThatIsNoContainerIsKeptAsItIs() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for name in Self.kept {
      let path = Self.folder + "/" + name
      _ = try repository.save(file: path, SaveRequest(path: name))
      #expect(try repository.checkpoint(PathName(path: name)).tensorCount == 0)
      _ = try repository.restore(PathName(path: name), to: scratch.path + "/" + name)
      #expect(try contents(scratch.path + "/" + name) == contents(path))
      #expect(throws: CairnError.self) { _ = try repository.load(PathName(path: name)) }
    }
  }

  /// What a reader has only to stay sane with may be saved; then it comes back, and whatever is done with it ends.
  @Test(arguments: (try? BadInputTests.files("safe")) ?? [])
  func aHostileFileIsNeverRunAndDoesNoHarm(_ name: String) throws {
    let scratch = try Scratch()
    let canary = scratch.path + "/canary"
    setenv("CAIRN_CANARY", canary, 1)
    let repository = try scratch.repository()
    let path = Self.folder + "/" + name
    do {
      _ = try repository.save(file: path, SaveRequest(path: "file"))
    } catch let error as CairnError {
      #expect(error.message.contains(path))
      try expectNothingSaved(repository, "\(name)")
      return
    }
    _ = try repository.restore(PathName(path: "file"), to: scratch.path + "/out")
    #expect(try contents(scratch.path + "/out") == contents(path))
    for (mode, weightsOnly) in [(LoadMode.copied, false), (.mapped, true)] {
      do {
        let state = try repository.load(PathName(path: "file"), mode, weightsOnly: weightsOnly)
        #expect(!name.contains("malicious") || !weightsOnly)
        guard !weightsOnly, name != Self.endless else { continue }
        _ = try repository.save(state, SaveRequest(path: "state"))
        _ = try repository.restore(PathName(path: "state"), to: scratch.path + "/state.pt")
      } catch {
        #expect(error is CairnError || error is StateError || error is FormatError || error is TensorError, "\(error)")
      }
    }
    #expect(!FileManager.default.fileExists(atPath: canary))
    #expect(try repository.temporaryFiles().isEmpty)
    guard name != Self.endless else { return }
    var options = RestoreOptions()
    options.format = .safetensors
    do {
      _ = try repository.restore(PathName(path: "file"), to: scratch.path + "/out.safetensors", options)
      let size = try contents(scratch.path + "/out.safetensors").count
      #expect(try size < contents(path).count * 64 + (1 << 20))
    } catch {
      #expect(!FileManager.default.fileExists(atPath: scratch.path + "/out.safetensors"))
    }
    #expect(!FileManager.default.fileExists(atPath: canary))
    #expect(try repository.temporaryFiles().isEmpty)
  }

  /// Their sizes, strides and offsets are what the file says, and whatever is worked out of them must not overflow.
  @Test(arguments: ((try? BadInputTests.files("safe")) ?? []).filter { $0.hasPrefix("tensor_") })
  func theValuesOfAHostileTensorAreReadOrRefused(_ name: String) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let path = Self.folder + "/" + name
    guard (try? repository.save(file: path, SaveRequest(path: "file"))) != nil else { return }
    var options = DiffOptions()
    options.values = true
    let sides = [DiffSide.checkpoint(PathName(path: "file")), .file(path)]
    for old in sides {
      for new in sides {
        #expect(try repository.diff(old, new).tensors.allSatisfy { !$0.isCertain }, "it is the same file")
        #expect(throws: Never.self) { try orRefused { _ = try repository.diff(old, new, options) } }
      }
      let catalog = try repository.tensors(of: old)
      for entry in catalog.tensors {
        #expect(throws: Never.self) {
          try orRefused {
            let summary = try catalog.summary(of: entry)
            if entry.shape.contains(0) { #expect(summary.count == 0 && summary.bytes == 0) }
          }
          try orRefused { _ = try catalog.write(entry, to: scratch.path + "/x.npy", as: .npy, overwrite: true) }
        }
      }
    }
    if name.hasPrefix("tensor_empty") {
      #expect(try repository.diff(sides[0], sides[1], options).unchangedCount == 1)
      #expect(try repository.occurrences(ofFile: path, limit: 1).exact.count == 1)
    }
  }

  private func orRefused(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch is TensorError {
    } catch is CairnError {
    }
  }

  @Test func opaqueSavesAnythingBitForBit() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for name in ["zip_truncated.pt", "pickle_no_stop.pt", "safetensors_overlap.safetensors"] {
      let path = Self.folder + "/" + name
      _ = try repository.save(file: path, SaveRequest(path: name), opaque: true)
      #expect(try repository.checkpoint(PathName(path: name)).tensorCount == 0)
      _ = try repository.restore(PathName(path: name), to: scratch.path + "/" + name)
      #expect(try contents(scratch.path + "/" + name) == contents(path))
      #expect(throws: CairnError.self) { _ = try repository.load(PathName(path: name)) }
    }
    let good = try #require(Fixtures.files("finetune").first)
    _ = try repository.save(file: good, SaveRequest(path: "good"), opaque: true)
    #expect(try repository.checkpoint(PathName(path: "good")).epoch == nil)
    _ = try repository.restore(PathName(path: "good"), to: scratch.path + "/good")
    #expect(try contents(scratch.path + "/good") == contents(good))
  }

  enum Change: CaseIterable { case append, cut, overwrite, replace, remove }

  @Test(arguments: Change.allCases, [false, true])
  func aFileThatChangesWhileItIsReadIsNotSaved(_ change: Change, _ inDirectory: Bool) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let folder = scratch.path + "/in"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let path = folder + "/growing"
    let url = URL(fileURLWithPath: path)
    try Data(repeating: 7, count: 5 << 20).write(to: url)
    var request = SaveRequest(path: "file")
    request.progress = { _, _ in
      do {
        switch change {
        case .append, .overwrite:
          let file = try FileHandle(forUpdating: url)
          if change == .append { try file.seekToEnd() }
          try file.write(contentsOf: Data([1]))
          try file.close()
        case .cut: truncate(path, 10)
        case .replace:
          try Data(repeating: 7, count: 5 << 20).write(to: URL(fileURLWithPath: path + ".new"))
          rename(path + ".new", path)
        case .remove: unlink(path)
        }
      } catch { Issue.record(error) }
    }
    do {
      _ = try repository.save(file: inDirectory ? folder : path, request)
      Issue.record("it was saved")
    } catch let error as CairnError {
      #expect(error.kind == .changed)
      #expect(error.message.contains(path))
    }
    try expectNothingSaved(repository, "\(change)")
  }

  @Test func aDirectoryThatGetsAnotherFileMeanwhileIsNotSaved() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let folder = scratch.path + "/in"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data("one".utf8).write(to: URL(fileURLWithPath: folder + "/shard-1"))
    var request = SaveRequest(path: "directory")
    request.progress = { _, _ in try? Data("two".utf8).write(to: URL(fileURLWithPath: folder + "/shard-2")) }
    #expect(throws: CairnError.self) { try repository.save(file: folder, request) }
    try expectNothingSaved(repository, "directory")
    #expect(throws: Never.self) { try repository.save(file: folder, SaveRequest(path: "directory")) }
  }

  @Test func whatIsNoFileIsRefused() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let manager = FileManager.default
    func directory(_ name: String) throws -> String {
      try manager.createDirectory(atPath: scratch.path + "/" + name, withIntermediateDirectories: true)
      try Data("a".utf8).write(to: URL(fileURLWithPath: scratch.path + "/\(name)/a"))
      return scratch.path + "/" + name
    }
    let fifo = scratch.path + "/fifo"
    #expect(mkfifo(fifo, 0o600) == 0)
    let loop = try directory("loop")
    try manager.createSymbolicLink(atPath: loop + "/again", withDestinationPath: ".")
    let dangling = try directory("dangling")
    try manager.createSymbolicLink(atPath: dangling + "/gone", withDestinationPath: "nothing")
    let withFIFO = try directory("withFIFO")
    #expect(mkfifo(withFIFO + "/fifo", 0o600) == 0)
    let circle = scratch.path + "/circle"
    try manager.createSymbolicLink(atPath: circle, withDestinationPath: "circle")
    let empty = scratch.path + "/empty"
    try manager.createDirectory(atPath: empty, withIntermediateDirectories: true)
    let named = [
      fifo: fifo, "/dev/null": "/dev/null", loop: loop + "/again", dangling: dangling + "/gone",
      withFIFO: withFIFO + "/fifo", circle: circle, empty: empty, scratch.path + "/nothing": scratch.path + "/nothing",
      // The directory that holds the repository itself.
      scratch.path: scratch.path,
    ]
    for (path, culprit) in named {
      for opaque in [false, true] {
        do {
          _ = try repository.save(file: path, SaveRequest(path: "x"), opaque: opaque)
          Issue.record("\(path) was saved")
        } catch let error as CairnError {
          #expect([.invalid, .missing].contains(error.kind), "\(error)")
          #expect(error.message.contains(culprit), "\(error)")
        }
      }
    }
    try manager.removeItem(atPath: withFIFO + "/fifo")
    try manager.createDirectory(atPath: withFIFO + "/deeper", withIntermediateDirectories: true)
    let inner = try Repository.initialize(withFIFO + "/deeper/.cairn")
    do {
      _ = try repository.save(file: withFIFO, SaveRequest(path: "x"))
      Issue.record("a repository was saved in a repository")
    } catch let error as CairnError {
      #expect(error.message.contains(inner.path), "\(error)")
    }
    try expectNothingSaved(repository, "no files")
  }
}
