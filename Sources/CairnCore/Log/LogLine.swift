import Crypto
import Foundation

/// A line of the log: the digest that chains it to the one before, a space, JSON, a newline.
///
/// The digest is the SHA-256 of the previous line's digest (32 bytes; zeros for the first) and the JSON, so that a lost
/// or foreign stretch shows.
package struct LogLine: Sendable {
  var entry: LogEntry
  /// The digest that leads the line.
  var chain: Digest
  /// The line as it stands in the file, newline included.
  var bytes: [UInt8]

  /// The longest line that is written: what does not fit belongs into the checkpoint, not into its line.
  static let limit = 256 * 1024

  /// The line that says `entry` after the line whose digest is `previous`.
  init(_ entry: LogEntry, after previous: Digest) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json: [UInt8]
    do {
      json = [UInt8](try encoder.encode(entry))
      // What cannot be read back must not be committed: values nested too deep, say.
      _ = try JSONDecoder().decode(LogEntry.self, from: Data(json))
    } catch {
      throw CairnError(
        .invalid, "\(entry.path ?? entry.name ?? entry.id): its metadata cannot be kept as JSON (\(error))",
        advice: "keep it flatter, or put it into the checkpoint itself")
    }
    self.entry = entry
    chain = Self.chain(json[...], after: previous)
    bytes = Array(chain.hex.utf8) + [UInt8(ascii: " ")] + json + [UInt8(ascii: "\n")]
    guard bytes.count <= Self.limit else {
      throw CairnError(
        .invalid, "\(entry.path ?? entry.name ?? entry.id): its metrics, tags and metadata take \(bytes.count) bytes",
        advice: "at most \(Self.limit) are kept with a checkpoint: put the rest into the checkpoint itself")
    }
  }

  /// Reads a line without its newline; nil if its digest is not right.
  ///
  /// Throws if the digest is right and yet it cannot be understood: then a newer Cairn wrote it.
  package init?(parsing line: ArraySlice<UInt8>, after previous: Digest) throws {
    let head = 2 * Digest.byteCount
    guard line.count > head, line[line.startIndex + head] == UInt8(ascii: " "),
      let stated = Digest(hex: String(decoding: line.prefix(head), as: UTF8.self))
    else { return nil }
    let json = line.dropFirst(head + 1)
    guard Self.chain(json, after: previous) == stated else { return nil }
    guard let entry = try? JSONDecoder().decode(LogEntry.self, from: Data(json)) else {
      throw CairnError(
        .newerFormat,
        "the log has a line that this Cairn does not know: \(String(decoding: json.prefix(200), as: UTF8.self))",
        advice: "use the newer Cairn that wrote it")
    }
    self.entry = entry
    chain = stated
    bytes = Array(line) + [UInt8(ascii: "\n")]
  }

  /// The digest that leads a line with this JSON after the line whose digest is `previous`.
  static func chain(_ json: ArraySlice<UInt8>, after previous: Digest) -> Digest {
    var hash = SHA256()
    hash.update(data: previous.bytes)
    hash.update(data: json)
    return Digest(hash.finalize())
  }
}
