/// What `gc` has done.
public struct GarbageReport: Sendable {
  /// Files unlinked and their bytes.
  public var freed = Freed()
  /// Packs rewritten because less than half of them was needed.
  public var repackedPacks = 0
  /// Directories of writers that died.
  public var temporaryDirectories = 0
  /// Why less was done than could be.
  public var warnings: [String] = []
}

extension Repository {
  /// Frees what nothing references.
  public func collectGarbage(force: Bool = false) throws -> GarbageReport { GarbageReport() }

  /// Checks the repository.
  public func verify(_ options: VerifyOptions = VerifyOptions()) throws -> VerifyReport { VerifyReport() }
}
