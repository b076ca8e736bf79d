import Cairn
import Foundation
import Glibc
import Testing

/// Repositories of several users: the umask, a group that shares one, another user who may only read.
@Suite(.enabled(if: geteuid() == 0, "needs other users to be"))
struct SharedRepositoryTests {
  /// A user and a group without names.
  private static let (alice, bob, team) = (54_001, 54_002, 54_100)

  /// Runs `cairn` as a user with this umask, and one group beside the user's own.
  private func run(
    _ program: Program, as user: Int, group: Int? = nil, umask: String, _ arguments: String...
  ) throws -> Program.Result {
    let command = [
      "/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", group.map { "--groups=\($0)" } ?? "--clear-groups",
      "--",
      "/bin/sh", "-c", "umask \(umask); exec \"$@\"", "sh",
    ]
    return try program.run(through: command, arguments)
  }

  private func directory(of user: Int, group: Int, mode: mode_t) throws -> Program {
    let program = try Program()
    #expect(chown(program.path, uid_t(user), gid_t(group)) == 0)
    #expect(chmod(program.path, mode) == 0)
    // What the tests have the programs write to, and read.
    #expect(chmod(program.path + "/home", 0o777) == 0)
    // Found without being named, a repository of another user's has to be trusted.
    try program.write(Array("\(program.path)/.cairn\n".utf8), to: "home/.config/cairn/trusted")
    try program.write((0..<200_000).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 9) }, to: "file")
    return program
  }

  private func modes(_ program: Program) throws -> [String: Int] {
    let root = program.path + "/.cairn"
    var modes: [String: Int] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: root) {
      let attributes = try FileManager.default.attributesOfItem(atPath: root + "/" + name)
      modes[name] = attributes[.posixPermissions] as? Int
    }
    return modes
  }

  @Test(arguments: [("022", 0o755), ("027", 0o750), ("077", 0o700), ("002", 0o775)])
  func theUmaskIsHonoured(_ umask: String, expected: Int) throws {
    let program = try directory(of: Self.alice, group: Self.alice, mode: 0o755)
    #expect(try run(program, as: Self.alice, umask: umask, "init").status == 0)
    // Whatever it is later: the repository's own directory says who may do what in it.
    #expect(try run(program, as: Self.alice, umask: "077", "save", "file", "--as", "a").status == 0)
    #expect(try run(program, as: Self.alice, umask: "000", "tag", "best", "a").status == 0)
    for (name, mode) in try modes(program) {
      let path = program.path + "/.cairn/" + name
      var isDirectory: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      let wanted = isDirectory.boolValue ? expected : name.hasPrefix("blobs/") ? expected & 0o444 : expected & 0o666
      #expect(mode == wanted, "\(name): \(String(mode, radix: 8))")
    }
  }

  @Test(arguments: ["wal", "delete"])
  func whoMayOnlyReadReadsEverything(_ journal: String) throws {
    let program = try directory(of: Self.alice, group: Self.alice, mode: 0o755)
    #expect(try run(program, as: Self.alice, umask: "022", "init", "--journal", journal).status == 0)
    #expect(try run(program, as: Self.alice, umask: "022", "save", "file", "--as", "a").status == 0)
    let before = try modes(program)
    for arguments in [["log"], ["show", "a"], ["ls", "a"], ["verify", "--read-data"], ["stats"]] {
      let result = try program.run(
        through: ["/usr/bin/setpriv", "--reuid=\(Self.bob)", "--regid=\(Self.bob)", "--clear-groups", "--"], arguments)
      #expect(result.status == 0, "\(arguments): \(result.error)")
    }
    let restored = try run(program, as: Self.bob, umask: "022", "restore", "a", "-o", "home/out")
    #expect(restored.status == 0, "\(restored.error)")
    #expect(try program.contents("home/out") == program.contents("file"))
    for arguments in [["save", "file", "--as", "b"], ["rm", "--force", "a"], ["gc"], ["tag", "x", "a"], ["reindex"]] {
      let result = try program.run(
        through: ["/usr/bin/setpriv", "--reuid=\(Self.bob)", "--regid=\(Self.bob)", "--clear-groups", "--"], arguments)
      #expect(result.status == 7, "\(arguments): \(result.error)")
      #expect(result.error.contains("permissions"), "\(arguments): \(result.error)")
    }
    #expect(try modes(program) == before)
  }

  @Test(arguments: ["wal", "delete"])
  func aGroupSharesARepository(_ journal: String) throws {
    let program = try directory(of: Self.alice, group: Self.team, mode: 0o2775)
    func asAlice(_ arguments: String...) throws {
      let result = try program.run(
        through: command(Self.alice), arguments)
      #expect(result.status == 0, "alice: \(arguments): \(result.error)")
    }
    func asBob(_ arguments: String...) throws {
      let result = try program.run(through: command(Self.bob), arguments)
      #expect(result.status == 0, "bob: \(arguments): \(result.error)")
    }
    // The one who makes it lets the group in; everybody's own umask is as tight as can be.
    let made = try run(program, as: Self.alice, group: Self.team, umask: "007", "init", "--journal", journal)
    #expect(made.status == 0, "\(made.error)")
    try asAlice("save", "file", "--as", "a")
    try asBob("save", "file", "--as", "b")
    try asBob("rm", "--force", "a")
    try asBob("gc")
    try asAlice("save", "file", "--as", "a")
    try asAlice("rm", "--force", "b")
    for ending in ["", "-wal", "-shm"] { unlink(program.path + "/.cairn/index.sqlite" + ending) }
    try asBob("reindex")
    try asAlice("tag", "best", "a")
    try asAlice("verify", "--read-data")
    try asBob("annotate", "a", "--meta", "k=1")
    try asBob("restore", "a", "-o", "home/out")
    let stranger = try run(program, as: 54_003, umask: "022", "log")
    #expect(stranger.status != 0)
  }

  private func command(_ user: Int) -> [String] {
    [
      "/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--groups=\(Self.team)", "--", "/bin/sh", "-c",
      "umask 077; exec \"$@\"", "sh",
    ]
  }
}
