import CairnCore
import Foundation

/// Versions whose pointers are gone.
public struct UnheldVersions: Sendable {
  /// The versions, newest first.
  public var checkpoints: [CheckpointRecord]
  /// How many pointers, and full files that hold a version, lie in the directories.
  public var pointerCount: Int
  /// Pointers, files and directories of which nobody can say which versions they hold, with the reason.
  public var unreadable: [String]
  /// Directories in which something is being written right now: versions of files in them are left out.
  public var busyDirectories: [String]
}

extension Repository {
  /// The versions whose pointers were written below `directories` and that no pointer there holds: what is left when
  /// pointers are deleted by hand, or a process dies between a save and writing its pointer.
  ///
  /// Only those that were saved for a pointer and have no tag: the others are there for their own sake. What counts is where
  /// the pointer was written, whatever the version is called since. The versions are listed before the pointers are looked
  /// for; one that is just being saved has no pointer yet, see ``removeUnheld(below:force:)``.
  ///
  /// Throws ``CairnError/Kind/invalid`` for something that is no directory.
  public func unheldVersions(below directories: [String]) throws -> UnheldVersions {
    let roots = try directories.map { directory in
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: directory, isDirectory: &isDirectory), isDirectory.boolValue else {
        throw CairnError(
          .invalid, "\(directory): no directory",
          advice: "name the directories in which pointers lie, or lay; of one that is gone, the directory above")
      }
      return PathName.absolute(directory)
    }
    let prefixes = (roots + roots.compactMap(resolvedPath)).map { $0 == "/" ? $0 : $0 + "/" }
    var candidates: [(record: CheckpointRecord, file: String)] = []
    for record in try checkpoints() where record.tags.isEmpty {
      let places = record.pointerPath.map { files(forPointerPath: $0) } ?? []
      if let file = places.first(where: { file in prefixes.contains { file.hasExactPrefix($0) } }) {
        candidates.append((record, file))
      }
    }
    var walk = PointerWalk()
    for root in roots { try walk.add(root) }
    // Wherever the way to it goes through.
    for candidate in candidates where !walk.held.contains(candidate.record.id) { walk.add(file: candidate.file) }
    let unheld = candidates.filter { !walk.held.contains($0.record.id) && !walk.isBusy(around: $0.file) }
    return UnheldVersions(
      checkpoints: unheld.map(\.record), pointerCount: walk.count, unreadable: walk.unreadable,
      busyDirectories: walk.busy.sorted())
  }

  /// How long a version can be without its pointer while it is being saved, in seconds.
  private static let savingTime = 5.0

  /// Frees the versions that ``unheldVersions(below:)`` lists, and gives them.
  ///
  /// One that was saved just now may get its pointer yet: then this waits some seconds, and looks again. One that gets a
  /// tag meanwhile stays.
  ///
  /// Throws ``CairnError/Kind/invalid`` if there is something of which nobody can say what it holds, unless `force`
  /// says to go on.
  public func removeUnheld(
    below directories: [String], force: Bool = false
  ) throws -> (found: UnheldVersions, removal: Removal) {
    var found = try unheldVersions(below: directories)
    if found.checkpoints.contains(where: { Self.age($0) < Self.savingTime }) {
      let listed = Set(found.checkpoints.map(\.id))
      Thread.sleep(forTimeInterval: Self.savingTime)
      found = try unheldVersions(below: directories)
      // What came meanwhile is younger still.
      found.checkpoints.removeAll { !listed.contains($0.id) }
    }
    guard force || found.unreadable.isEmpty else {
      let some = found.unreadable.prefix(5).joined(separator: "; ")
      throw CairnError(
        .invalid, "nobody can say which versions these hold: \(some)",
        advice: "nothing was removed; mend or remove them, or go on all the same with --force")
    }
    return (found, try remove(ids: found.checkpoints.map(\.id), keepingTagged: true))
  }

  private static func age(_ record: CheckpointRecord) -> Double {
    let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    guard let created = try? format.parse(record.created) else { return .infinity }
    return Date().timeIntervalSince(created)
  }
}
