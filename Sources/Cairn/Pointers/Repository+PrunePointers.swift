import CairnCore
import Foundation

/// A pointer file that holds nothing but what a policy does not keep.
public struct PrunablePointer: Sendable, Hashable {
  /// Its absolute path.
  public var file: String
  /// The ids of all versions that it holds, of which some may be gone.
  public var holds: [String]
  /// The ids of the checkpoints that nothing holds once it is gone.
  public var releases: Set<String>
}

extension Repository {
  /// The pointer files that hold nothing but checkpoints that a policy would remove if no pointer held them.
  ///
  /// Only the pointer counts that lies where the one of a checkpoint was written, as a plain file with one name, and only if
  /// it names this very checkpoint; older versions that it holds beside are released with it, and if one of these is to
  /// stay, or is none of the selection, so does the pointer. What a pointer elsewhere may hold stays. Nothing is changed.
  public func prunablePointers(
    _ policy: PrunePolicy, _ selection: PruneSelection = PruneSelection()
  ) throws -> [PrunablePointer] {
    try withPruneChoice(policy, selection) { try prunablePointers($0) }
  }

  private func prunablePointers(_ choice: PruneChoice) throws -> [PrunablePointer] {
    let held = Set(choice.plan().kept.map(\.checkpoint).filter(\.isHeldByPointer).map(\.id))
    if held.isEmpty { return [] }
    // As if no pointer held anything: these the rules do not want.
    let unwanted = choice.plan(released: held).removed
    let ids = Set(unwanted.map(\.id))
    return try unwanted.compactMap { checkpoint in
      guard let path = checkpoint.pointerPath else { return nil }
      for file in files(forPointerPath: path) {
        guard let pointer = onlyPointer(at: file), pointer.checkpoint == checkpoint.id,
          try pointer.held.allSatisfy({ try ids.contains($0) || !choice.isThere($0) })
        else { continue }
        return PrunablePointer(file: file, holds: pointer.held, releases: held.intersection(pointer.held))
      }
      return nil
    }
  }

  /// Removes the checkpoints that no rule keeps, those that a pointer file holds too: their pointers are unlinked first,
  /// durably, and then they are released, all of it with the repository's lock held: what is tagged or saved meanwhile
  /// comes before that or after it.
  ///
  /// A process that dies in between leaves checkpoints without a pointer, which `gc --pointers` finds, never a pointer to
  /// nothing.
  ///
  /// - Returns: What was done, and the pointer files that were unlinked.
  /// - Throws: As ``prune(_:_:released:force:progress:)``; if nothing would stay of a group, no pointer was unlinked.
  public func pruneWithPointers(
    _ policy: PrunePolicy, _ selection: PruneSelection = PruneSelection(), force: Bool = false,
    progress: Progress? = nil
  ) throws -> (report: PruneReport, unlinked: [String]) {
    var removing = PointerRemoving()
    var report = try prune(policy, selection, force: force, progress: progress) { choice in
      let pointers = try prunablePointers(choice)
      let all = pointers.reduce(into: removing.released) { $0.formUnion($1.releases) }
      if !force { try choice.plan(released: all).requireSomethingKept() }
      for pointer in pointers { removing.add(pointer, unlinking: unlink) }
      removing.finish()
      return removing.released
    }
    report.removal.warnings = removing.warnings + report.removal.warnings
    return (report, removing.unlinked)
  }

  /// The pointer of this repository that is a plain file with one name; nil for anything else.
  private func onlyPointer(at file: String) -> Pointer? {
    var info = stat()
    guard lstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_nlink == 1,
      let pointer = try? Pointer.read(file), pointer.repository == configuration.id
    else { return nil }
    return pointer
  }

  /// Unlinks a pointer, not yet durably; false if it is another one by now.
  ///
  /// A trainer may replace it at any moment: it is taken out of the way by a rename, and looked at where nobody finds it.
  private func unlink(_ pointer: PrunablePointer) throws -> Bool {
    let directory = parentDirectory(of: pointer.file)
    // Named as the plugin's temporary files are: nobody takes it for a checkpoint.
    let aside = "\(directory)/.cairn-\(String(UInt64.random(in: .min ... .max), radix: 16)).tmp"
    guard rename(pointer.file, aside) == 0 else {
      if errno == ENOENT { return false }
      throw CairnError.system("rename to \(aside)", pointer.file, errno)
    }
    let found = onlyPointer(at: aside)
    guard let found, found.held == pointer.holds else {
      // Back to its name, unless something newer has come there.
      guard link(aside, pointer.file) == 0 || errno == EEXIST || rename(aside, pointer.file) == 0 else {
        throw CairnError.system("rename back to \(pointer.file)", aside, errno)
      }
      Glibc.unlink(aside)
      try OutputDirectory.sync(directory)
      return false
    }
    guard Glibc.unlink(aside) == 0 else { throw CairnError.system("unlink", aside, errno) }
    return true
  }
}

/// Pointers that are being unlinked: each directory is synced once, and only then is what they held released.
private struct PointerRemoving {
  private(set) var unlinked: [String] = []
  /// The ids of what no pointer holds any more, durably.
  private(set) var released: Set<String> = []
  private(set) var warnings: [String] = []
  private var waiting: [ExactName: [PrunablePointer]] = [:]

  mutating func add(_ pointer: PrunablePointer, unlinking unlink: (PrunablePointer) throws -> Bool) {
    do {
      guard try unlink(pointer) else {
        warnings.append("\(pointer.file): was changed just now: it stays, and what it holds with it")
        return
      }
      unlinked.append(pointer.file)
      waiting[ExactName(parentDirectory(of: pointer.file)), default: []].append(pointer)
    } catch {
      warnings.append("\(pointer.file): could not be removed, and what it holds stays with it: \(error)")
    }
  }

  mutating func finish() {
    for (directory, pointers) in waiting {
      do {
        try OutputDirectory.sync(directory.text)
        for pointer in pointers { released.formUnion(pointer.releases) }
      } catch {
        warnings.append("\(directory.text): what pointers held stays, since nobody knows if they come back: \(error)")
      }
    }
    waiting = [:]
  }
}
