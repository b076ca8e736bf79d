import CairnCore
import Foundation

/// The zip container that `torch.save` has written since PyTorch 1.6: where its records lie.
///
/// All records are in one folder, the archive's name (torch/serialization.py,
/// caffe2/serialize/inline_container.cc): `data.pkl` is the pickled state, `data/<key>` the bytes of each storage.
public struct PyTorchContainer: Sendable {
  /// The order of the bytes in the elements of the storages.
  public enum ByteOrder: String, Sendable {
    case little, big
  }

  /// The folder of all records, without the slash at its end.
  public let archiveName: String
  /// The content of `data.pkl`.
  public let pickle: [UInt8]
  /// What the record `byteorder` says; little where there is none (before PyTorch 2.1).
  public let byteOrder: ByteOrder
  /// The record `version`, without white space: `3`.
  public let version: String?
  /// The record `.format_version`: `1`.
  public let formatVersion: String?
  /// The record `.data/serialization_id`.
  public let serializationID: String?
  /// The bytes of each storage that lies in the file as it is, by its key.
  public let storages: [String: FileLayout.Extent]
  /// The keys of storages that are compressed (somebody packed the file anew): these have no extent.
  public let compressedStorages: Set<String>
  /// All entries.
  public let archive: ZipArchive

  /// Reads the container; nil if the source is no zip archive, or one without a `data.pkl` in its place.
  ///
  /// Throws ``FormatError`` if it is a zip archive that is truncated or, having a `data.pkl`, broken.
  public init?(_ source: some ByteSource) throws {
    guard try ZipDirectory.isLikely(source) else { return nil }
    let directory = try ZipDirectory(source)
    // PyTorch, too, takes the folder of the first entry for that of all.
    guard let first = directory.records.first?.name, let slash = first.firstIndex(of: UInt8(ascii: "/")) else {
      return nil
    }
    let prefix = first[...slash]
    let pickleName = prefix + Array("data.pkl".utf8)
    guard directory.records.contains(where: { $0.name.elementsEqual(pickleName) }) else { return nil }
    // Only now: what is wrong with an archive of another kind is nobody's business here.
    let archive = try ZipArchive(source, directory: directory)
    let folder = String(decoding: prefix, as: UTF8.self)
    guard let data = archive[folder + "data.pkl"] else { return nil }

    // PyTorch does not look at checksums, and writes none that hold after `set_crc32_options(False)`.
    pickle = try archive.contents(of: data, in: source, checked: false)
    archiveName = String(folder.dropLast())
    version = try archive.text(folder + "version", in: source)
    formatVersion = try archive.text(folder + ".format_version", in: source)
    serializationID = try archive.text(folder + ".data/serialization_id", in: source)
    let order = try archive.text(folder + "byteorder", in: source) ?? "little"
    guard let known = ByteOrder(rawValue: order) else {
      throw FormatError(.pytorch, path: source.name, "record byteorder says \"\(order)\", not little or big")
    }
    byteOrder = known

    var storages: [String: FileLayout.Extent] = [:]
    var compressed: Set<String> = []
    let storageFolder = folder + "data/"
    for entry in archive.entries where entry.name.hasPrefix(storageFolder) && !entry.name.hasSuffix("/") {
      let key = String(entry.name.dropFirst(storageFolder.count))
      if entry.method == .stored {
        storages[key] = FileLayout.Extent(offset: entry.dataOffset, length: entry.uncompressedSize)
      } else {
        compressed.insert(key)
      }
    }
    self.storages = storages
    compressedStorages = compressed
    self.archive = archive
  }
}

extension ZipArchive {
  /// A small record's text without the white space around it; nil if there is none of that name.
  fileprivate func text(_ name: String, in source: some ByteSource) throws -> String? {
    guard let entry = self[name] else { return nil }
    let bytes = try contents(of: entry, in: source, limit: 1 << 16, checked: false)
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
