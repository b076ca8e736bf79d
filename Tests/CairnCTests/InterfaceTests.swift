import Cairn
import Foundation
import Synchronization
import Testing

@testable import CairnC

@Suite struct InterfaceTests {
  @Test func theVersionOfTheBinaryInterfaceIsTheHeaders() {
    #expect(abiVersion() == 1)
    #expect(version().map { String(cString: $0) } == "0.1.0")
  }

  @Test func whatIsMissingIsAnErrorAndNoCrash() throws {
    #expect(try code { _ = try json { resolve(nil, "a", $0, $1) } } == 8)
    #expect(try code { _ = try handle { openRepository(nil, $0, $1) } } == 8)
    #expect(openRepository("/nowhere", nil, nil) == 1)
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    #expect(try code { _ = try json { resolve(repository, nil, $0, $1) } } == 8)
    #expect(try code { _ = try json { resolve(repository, "\u{fffd}", $0, $1) } } == 6)
    let bad: [CChar] = [-1, -2, 0]
    #expect(try code { _ = try json { resolve(repository, bad, $0, $1) } } == 8)
    for request in ["", "[]", "{}", #"{"path": 1}"#, #"{"path": "a", "keep": 2}"#, #"{"path": "a@2"}"#] {
      #expect(try code { try save(repository, [], skeleton: statePickle([]), request) } == 8, "\(request)")
    }
    for close in [closeRepository, checkpointClose, regionClose, saveAbort, saveCancel] { close(nil) }
  }

  @Test func errorsSayWhatHappenedToWhat() throws {
    let scratch = try Scratch()
    do {
      _ = try handle { openRepository(scratch.path, $0, $1) }
      Issue.record("there is none")
    } catch let failure as Failure {
      #expect(failure.code == 1)
      #expect(failure.error["kind"] == "notARepository")
      #expect(failure.error["message"]?.text.contains(scratch.path) == true)
      #expect(failure.error["advice"]?.text.isEmpty == false)
    }
  }

  @Test func aRepositoryIsFoundFromBelow() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    var path: UnsafeMutablePointer<CChar>?
    try call { discover(scratch.path + "/checkpoints/run", &path, $0) }
    #expect(path.map { String(cString: $0) } == scratch.path + "/.cairn")
    freeMemory(path)
    try call { nameForFile(repository, scratch.path + "/checkpoints/last.ckpt", &path, $0) }
    #expect(path.map { String(cString: $0) } == "checkpoints/last.ckpt")
    freeMemory(path)
    let text = try #require(repositoryInfo(repository))
    defer { freeMemory(text) }
    let info = try JSONValue(parsing: String(cString: text).utf8)
    #expect(info["base"]?.text == scratch.path)
    #expect(info["writable"] == true)
  }

  @Test func messagesReachTheCallback() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    setLogCallback { level, message in
      guard let message, level == 4, String(cString: message).contains("damaged") else { return }
      messages.add(1, ordering: .relaxed)
    }
    defer { setLogCallback(nil) }
    try save(repository, [], skeleton: statePickle([]), #"{"path": "a"}"#)
    let index = scratch.path + "/.cairn/index.sqlite"
    try FileManager.default.removeItem(atPath: index)
    try Data("no database at all, but long enough to be looked at as one".utf8).write(to: URL(fileURLWithPath: index))
    try save(repository, [], skeleton: statePickle([]), #"{"path": "a"}"#)
    #expect(messages.load(ordering: .relaxed) > 0)
  }

  @Test func theHousekeepingFunctionsReport() throws {
    let scratch = try Scratch()
    let repository = try newRepository(scratch)
    defer { closeRepository(repository) }
    try save(
      repository, [bytes(100_000, seed: 1)], skeleton: statePickle([("a", "0", 100_000)]), #"{"path": "a"}"#)
    _ = try json { CairnC.copy(repository, "a", #"{"path": "b"}"#, $0, $1) }
    #expect(try json { CairnC.stats(repository, $0, $1) }["logical_bytes"]?.intValue ?? 0 >= 200_000)
    #expect(try json { verify(repository, #"{"read_data": true}"#, $0, $1) }["problems"] == [])
    let restored = try json { restore(repository, "a", scratch.path + "/a.pt", #"{"digest": true}"#, $0, $1) }
    #expect(restored["digest"]?.text.count == 64)
    #expect(try code { _ = try json { restore(repository, "a", scratch.path + "/a.pt", nil, $0, $1) } } == 2)
    #expect(try json { CairnC.remove(repository, #"["a", "b@1"]"#, $0, $1) }["removed"] == ["a@1", "b@1"])
    #expect(try json { collectGarbage(repository, 0, $0, $1) }["warnings"] == [])
  }
}

private let messages = Atomic(0)
