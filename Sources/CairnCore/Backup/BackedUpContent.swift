/// Whether a file under `blobs/` holds what its name says.
enum BackedUpContent {
  /// What is wrong with a file; nil if nothing is.
  static func flaw(_ opened: OpenFile, _ file: BackupPlan.File, _ encoding: BlobStore.Encoding) -> String? {
    do {
      let digest =
        try encoding == .zstd
        ? Digest(hashing: decoded(opened, file)) : Digest(hashing: try StoredFile(opened))
      return digest == file.digest ? nil : "its content has another digest"
    } catch let error as CairnError {
      return error.message
    } catch {
      return "\(error)"
    }
  }

  private static func decoded(_ opened: OpenFile, _ file: BackupPlan.File) throws -> [UInt8] {
    let limit = file.kind == .manifest ? ManifestFile.limit : file.size
    guard try opened.status().size <= Zstd.bound(limit) else {
      throw CairnError.damaged(opened.path, "it is larger than its content could be")
    }
    return try Zstd.decompress(try opened.contents(), path: opened.path, limit: limit)
  }
}
