import Glibc

/// `log.jsonl`: what happened in the repository, in order. A line that has been fsynced is the commit of what it says.
///
/// All of this is called with the repository's lock held, on a file opened after the lock was taken.
struct Log {
  static let fileName = "log.jsonl"

  /// A place in the log: behind a line.
  struct Position: Sendable, Hashable {
    /// How many bytes of the log lie before it.
    var bytes = 0
    /// Where the line before it starts.
    var lastLine = 0
    /// The digest that leads the line before it; zeros at the start.
    var chain = Digest.zero
  }

  let file: OpenFile

  init(repository: String) throws { try self.init(repository, O_RDWR) }

  /// For looking only, without the lock: a line may be half written.
  init(readingOnly repository: String) throws { try self.init(repository, O_RDONLY) }

  private init(_ repository: String, _ flags: Int32) throws {
    let path = repository + "/" + Self.fileName
    do {
      file = try OpenFile(path, flags)
    } catch let error as CairnError where error.kind == .missing {
      throw Self.damage(path, "it is missing")
    }
  }

  /// How long the log is.
  func size() throws -> Int { try file.status().size }

  /// Whether the line before `position` is the one that it names. The start of the log always is.
  func holds(_ position: Position) throws -> Bool {
    if position.bytes == 0 { return position.chain == .zero }
    let head = 2 * Digest.byteCount
    let place = position.lastLine..<max(position.lastLine, position.bytes)
    guard place.lowerBound >= 0, place.count > head, place.upperBound <= (try size()) else { return false }
    var line = [UInt8](repeating: 0, count: place.count)
    let count = try line.withUnsafeMutableBytes { try file.read(into: $0, at: place.lowerBound) }
    return count == line.count && line.firstIndex(of: UInt8(ascii: "\n")) == line.count - 1
      && String(decoding: line[..<head], as: UTF8.self) == position.chain.hex
  }

  /// What a look at the log from some position on has found.
  struct Tail {
    var lines: [LogLine] = []
    /// Where each line starts.
    var starts: [Int] = []
    /// Behind the last complete line.
    var end: Position
    /// Whether bytes follow it that were never committed: a torn last line.
    var isTorn = false
  }

  /// The complete lines behind `start`. Throws if one that is not the last is bad: that is damage.
  func tail(from start: Position) throws -> Tail {
    let size = try size()
    var tail = Tail(end: start)
    guard size > start.bytes else { return tail }
    let bytes = try [UInt8](unsafeUninitializedCapacity: size - start.bytes) { buffer, filled in
      let room = UnsafeMutableRawBufferPointer(buffer)
      filled = try file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: room[..<(size - start.bytes)]), at: start.bytes)
    }
    var from = 0
    while from < bytes.count {
      guard let newline = bytes[from...].firstIndex(of: UInt8(ascii: "\n")) else {
        tail.isTorn = true
        break
      }
      guard let line = try LogLine(parsing: bytes[from..<newline], after: tail.end.chain) else {
        guard newline == bytes.count - 1 else {
          throw Self.damage(file.path, "the line at byte \(start.bytes + from) is not what was written")
        }
        tail.isTorn = true
        break
      }
      tail.lines.append(line)
      tail.starts.append(start.bytes + from)
      tail.end = Position(bytes: start.bytes + newline + 1, lastLine: start.bytes + from, chain: line.chain)
      from = newline + 1
    }
    return tail
  }

  /// Cuts off what lies behind `position`: bytes of a line that was never complete.
  func cut(to position: Position) throws {
    try file.truncate(to: position.bytes)
    try file.sync()
  }

  /// Writes lines that are there already once more, the same bytes, and makes them durable.
  ///
  /// After a failed fsync Linux calls the pages clean, and another fsync succeeds without having written them.
  func rewrite(_ lines: [LogLine], at offset: Int) throws {
    try file.write(lines.flatMap(\.bytes), at: offset)
    try file.sync()
  }

  /// Appends a line and makes it durable; returns the position behind it.
  ///
  /// A failed write is cut off again. A failed fsync leaves the line where it is: the outcome is open, and the next one
  /// to settle decides.
  func append(_ line: LogLine, at end: Position) throws -> Position {
    do {
      try file.write(line.bytes, at: end.bytes)
    } catch {
      // Incomplete, so it was never committed; if this fails as well, settling cuts it off.
      try? file.truncate(to: end.bytes)
      throw error
    }
    do {
      try file.sync()
    } catch {
      throw CairnError(
        .outcomeOpen, "\(file.path): the line that commits this was written, but making it durable failed (\(error))",
        advice: "whether it happened is open: look with `cairn log` once the disk works again")
    }
    return Position(bytes: end.bytes + line.bytes.count, lastLine: end.bytes, chain: line.chain)
  }

  static func damage(_ path: String, _ problem: String) -> CairnError {
    CairnError.damaged(
      path, problem,
      advice: "nothing is written until `cairn verify --repair` has made a new log from the index; or restore the log")
  }
}
