/// A log that was read and whose chain was checked, to be compared with another one's.
struct LogHistory {
  private let bytes: [UInt8]
  private let lines: [LogLine]
  /// The digest of the line that ends at a byte.
  private let chains: [Int: Digest]
  /// Behind its last whole line.
  let end: Log.Position
  /// The id of the repository that its first line names; nil if that is not what it says.
  let repository: String?

  /// Reads the log of the repository in `directory`, without its lock: a last line that is not whole does not count.
  init(of directory: String) throws {
    let log = try Log(readingOnly: directory)
    let tail = try log.tail(from: Log.Position())
    var chains: [Int: Digest] = [0: .zero]
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tail.end.bytes)
    for line in tail.lines {
      bytes += line.bytes
      chains[bytes.count] = line.chain
    }
    self.bytes = bytes
    lines = tail.lines
    self.chains = chains
    end = tail.end
    let first = tail.lines.first?.entry
    repository = first?.op == .initialized ? first?.id : nil
  }

  /// Whether a log that ends at `position` is a beginning of this one: each line's digest covers all before it.
  func contains(_ position: Log.Position) -> Bool { chains[position.bytes] == position.chain }

  /// Whether it says nothing of checkpoints that `other` does not: what it has more is about packs, as `gc` and `verify`
  /// add it on their own.
  func addsNothing(to other: LogHistory) -> Bool {
    var end = 0
    for line in lines {
      end += line.bytes.count
      if other.chains[end] != line.chain, line.entry.op != .repacked { return false }
    }
    return true
  }

  /// The log up to `position`, which is in it.
  func prefix(_ position: Log.Position) -> ArraySlice<UInt8> { bytes[..<position.bytes] }

  /// Its first line.
  var firstLine: ArraySlice<UInt8> { bytes[..<((bytes.firstIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)] }
}
