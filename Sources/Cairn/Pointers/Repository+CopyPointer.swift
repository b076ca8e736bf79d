import CairnCore
import CairnFormats
import Glibc

extension Repository {
  /// Makes a new version out of a checkpoint, and a pointer at `path` that holds it: in this order. What a pointer there
  /// held before is released afterwards, unless it has another hard link or a tag.
  ///
  /// - Parameters:
  ///   - request: Its path is not looked at: the file's is taken.
  ///   - full: Whether the file is to be a full one: the checkpoint itself as a PyTorch file.
  ///   - locations: The devices that its storages were saved from; what can be read out of it, if this is empty.
  /// - Throws: ``CairnError``; then the repository is as before, and so is what is at `path`.
  public func copy(
    _ record: CheckpointRecord, toPointerAt path: String, _ request: SaveRequest, full: Bool = false,
    locations: [String] = [], overwrite: Bool, discovery: RepositoryDiscovery = RepositoryDiscovery()
  ) throws -> SaveReport {
    let destination = PathName.absolute(path)
    // Before anything is committed: what is in the way, and what the pointer will say.
    _ = try Output(destination, overwrite: overwrite)
    let directory = parentDirectory(of: destination)
    guard let realDirectory = resolvedPath(directory) else {
      throw CairnError(.missing, "\(directory): no such directory", advice: "make it first")
    }
    let stored = try StoredCheckpoint(repository: self.path, id: configuration.id, manifest: record.manifest)
    if full, record.kind != "state" { throw Pointer.noState(record.name) }
    var devices = locations
    if devices.isEmpty { devices = try Self.locations(of: stored) }
    var request = request
    request.path = name(forPointer: destination)
    request.pointer = true
    var report = try copy(PathName(path: record.path, version: record.version), request)
    let place = resolvedPath(self.path) ?? self.path
    let pointer = Pointer(
      repository: configuration.id, place: self.path, relative: relativePath(of: place, from: realDirectory),
      checkpoint: report.id, manifest: report.manifest, name: "\(report.path)@\(report.version)",
      run: try checkpoint(id: report.id)?.run, locations: devices)
    var old: Pointer?
    do {
      // Whatever it is that cannot be understood, it is replaced all the same.
      old = isOnlyName(destination) ? try? Pointer.readHeld(destination) : nil
      if full {
        try pointer.writeFull(stored, to: destination, overwrite: overwrite)
      } else {
        try pointer.write(to: destination, overwrite: overwrite)
      }
    } catch {
      // The file may have got its name, which then only isn't durable.
      if (try? Pointer.readHeld(destination))?.checkpoint != report.id { _ = try? remove(ids: [report.id]) }
      throw error
    }
    if let old { report.warnings += Self.release(old, at: destination, discovery) }
    KnownRepositories(environment: discovery.environment).note(configuration.id, at: self.path)
    return report
  }

  /// The devices that a checkpoint's storages were saved from. Throws ``CairnError/Kind/invalid`` for one that is no
  /// PyTorch checkpoint: nothing could follow a pointer to it.
  static func locations(of stored: StoredCheckpoint) throws -> [String] {
    // A pickle that cannot be read here may be one that Python can.
    guard let keyed = try? KeyedCheckpoint(stored) else { return [] }
    guard keyed.hasPickle else {
      throw CairnError(
        .invalid, "\(stored.name): is neither a saved state nor a PyTorch file, so nothing can follow a pointer to it",
        advice: "`cairn restore` makes a file of it")
    }
    return Set(try keyed.locations().values).sorted()
  }

  /// Frees the versions that a pointer held which is gone; those with tags stay. Gives warnings: it never fails what has
  /// been done.
  private static func release(_ pointer: Pointer, at path: String, _ discovery: RepositoryDiscovery) -> [String] {
    do {
      let repository = try discovery.repository(of: pointer, at: path)
      return try repository.remove(ids: pointer.held, keepingTagged: true).warnings
    } catch {
      return ["\(path): its old version could not be freed: \(error); `cairn gc --pointers` finds it"]
    }
  }
}

/// Whether the regular file at `path` has no other name: another hard link of a pointer holds on to what it names, and
/// so does what a symbolic link leads to.
private func isOnlyName(_ path: String) -> Bool {
  var info = stat()
  return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && info.st_nlink == 1
}

/// The way from one absolute path to another.
func relativePath(of path: String, from directory: String) -> String {
  let target = path.split(separator: "/")
  let start = directory.split(separator: "/")
  let common = zip(target, start).prefix { $0 == $1 }.count
  let parts = Array(repeating: "..", count: start.count - common) + target.dropFirst(common).map(String.init)
  return parts.isEmpty ? "." : parts.joined(separator: "/")
}
