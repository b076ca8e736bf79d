import Foundation

/// `cairn.json`: what a repository is, written by `init` and never changed.
public struct RepositoryConfiguration: Codable, Sendable, Hashable {
  static let fileName = "cairn.json"
  /// The format that this Cairn reads and writes.
  static let currentFormat = 1
  /// What blobs' sizes are multiples of, so that they can be mapped next to each other on any page size.
  static let chunkUnit = 64 * 1024
  /// What storages can be cut at, at the most.
  static let largestChunk = 1 << 30

  /// The format of the repository.
  public var format: Int
  /// The repository's id: 128 random bits in hexadecimal.
  public var id: String
  /// The hash that names blobs.
  public var hash: String
  /// The size that storages are cut at, in bytes.
  public var chunkSize: Int
  /// How the index keeps its journal.
  public var journal: JournalMode

  private struct Stored: Codable {
    var format: Int
    var id: String
    var hash: String
    var chunkSize: Int
    var journal: JournalMode
    var checksum: String?
  }

  /// The file's bytes.
  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    var stored = Stored(format: format, id: id, hash: hash, chunkSize: chunkSize, journal: journal)
    stored.checksum = try checksum()
    return [UInt8](try encoder.encode(stored)) + [UInt8(ascii: "\n")]
  }

  private func checksum() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let plain = Stored(format: format, id: id, hash: hash, chunkSize: chunkSize, journal: journal)
    return Digest(hashing: [UInt8](try encoder.encode(plain))).hex
  }

  /// Reads the configuration of the repository in `directory`.
  static func read(_ directory: String) throws -> RepositoryConfiguration {
    let path = directory + "/" + fileName
    guard let bytes = try Files.contents(path, limit: 1 << 16) else {
      throw CairnError(
        .notARepository, "\(directory): no Cairn repository (it has no \(fileName))",
        advice: "make one with `cairn init`, or name another with --repo or CAIRN_REPO")
    }
    func damaged(_ flaw: String) -> CairnError {
      CairnError.damaged(path, flaw, advice: "restore \(fileName) from a backup")
    }
    let decoder = JSONDecoder()
    let stored = try? decoder.decode(Stored.self, from: Data(bytes))
    // A newer one may have other members.
    struct Head: Codable { var format: Int }
    let format = stored?.format ?? (try? decoder.decode(Head.self, from: Data(bytes)))?.format
    guard let format else { throw damaged("it is not the JSON that `init` wrote") }
    guard format <= currentFormat else {
      throw CairnError(
        .newerFormat, "\(directory): made by a newer Cairn (format \(format); this one knows \(currentFormat))",
        advice: "use a newer Cairn")
    }
    guard let stored else { throw damaged("it is not the JSON that `init` wrote") }
    let configuration = RepositoryConfiguration(
      format: stored.format, id: stored.id, hash: stored.hash, chunkSize: stored.chunkSize, journal: stored.journal)
    guard try stored.checksum == configuration.checksum() else {
      throw damaged("its checksum is wrong")
    }
    guard stored.hash == "sha256", stored.chunkSize > 0, stored.chunkSize % chunkUnit == 0 else {
      throw damaged("values that no Cairn writes")
    }
    return configuration
  }
}
