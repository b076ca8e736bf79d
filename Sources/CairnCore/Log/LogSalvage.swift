import Foundation

/// What can still be read of a damaged log.
///
/// A line's digest covers the digest of the line before it. Behind a bad line the next one is checked against what the
/// bad line states as its digest, and against what its JSON would have: if either fits, the chain goes on.
struct LogSalvage {
  /// The lines that are as they were written, and where each starts.
  private(set) var lines: [(start: Int, end: Int, entry: LogEntry, chain: Digest)] = []
  /// How many lines are not.
  private(set) var lost = 0

  /// Throws if a newer Cairn has written lines: they would be lost.
  init(_ bytes: [UInt8]) throws {
    var candidates: [Digest?] = [.zero]
    var from = 0
    while from < bytes.count, let newline = bytes[from...].firstIndex(of: UInt8(ascii: "\n")) {
      let text = bytes[from..<newline]
      var found: LogLine?
      for candidate in candidates where found == nil {
        found = try candidate.flatMap { try LogLine(parsing: text, after: $0) }
      }
      if let line = found {
        lines.append((from, newline + 1, line.entry, line.chain))
        candidates = [line.chain]
      } else {
        lost += 1
        candidates = Self.digestsAfter(text, candidates.compactMap { $0 }).suffix(4)
      }
      from = newline + 1
    }
  }

  /// What the digest of a bad line may be.
  private static func digestsAfter(_ line: ArraySlice<UInt8>, _ previous: [Digest]) -> [Digest?] {
    let head = 2 * Digest.byteCount
    guard line.count > head else { return [] }
    let stated = Digest(hex: String(decoding: line.prefix(head), as: UTF8.self))
    return [stated] + previous.map { LogLine.chain(line.dropFirst(head + 1), after: $0) }
  }
}
