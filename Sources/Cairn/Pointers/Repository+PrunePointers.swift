import CairnCore
import Foundation

/// A pointer file that holds nothing but what a policy does not keep.
public struct PrunablePointer: Sendable, Hashable {
  /// Its absolute path.
  public var file: String
  /// The ids of the checkpoints that nothing holds once it is gone.
  public var releases: Set<String>
}

extension Repository {
  /// The pointer files that hold nothing but checkpoints that a policy would remove if no pointer held them.
  ///
  /// Only the pointer that lies at a checkpoint's path counts, as a plain file with one name, and only if it names this
  /// very checkpoint; older versions of the path that it holds beside are released with it. What a pointer elsewhere may
  /// hold stays. Nothing is changed.
  public func prunablePointers(
    _ policy: PrunePolicy, _ selection: PruneSelection = PruneSelection()
  ) throws -> [PrunablePointer] {
    let held = Set(try planPrune(policy, selection).kept.map(\.checkpoint).filter(\.isHeldByPointer).map(\.id))
    if held.isEmpty { return [] }
    // As if no pointer held anything: these the rules do not want.
    let unwanted = try planPrune(policy, selection, released: held).removed.filter { held.contains($0.id) }
    let byPath = Dictionary(grouping: unwanted, by: \.path).mapValues { Set($0.map(\.id)) }
    return unwanted.compactMap { checkpoint in
      for file in files(ofPointersPath: checkpoint.path) {
        guard let pointer = onlyPointer(at: file), pointer.checkpoint == checkpoint.id else { continue }
        return PrunablePointer(file: file, releases: byPath[checkpoint.path, default: []].intersection(pointer.held))
      }
      return nil
    }
  }

  /// Removes the checkpoints that no rule keeps, those that a pointer file holds too: their pointers are unlinked first,
  /// durably, and then they are released.
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
    let pointers = try prunablePointers(policy, selection)
    let all = pointers.reduce(into: Set<String>()) { $0.formUnion($1.releases) }
    if !force { try planPrune(policy, selection, released: all).requireSomethingKept() }
    var released: Set<String> = []
    var unlinked: [String] = []
    var warnings: [String] = []
    for pointer in pointers {
      do {
        guard try unlink(pointer) else {
          warnings.append("\(pointer.file): was changed just now: it stays, and what it holds with it")
          continue
        }
        unlinked.append(pointer.file)
        released.formUnion(pointer.releases)
      } catch {
        warnings.append("\(pointer.file): could not be removed, and what it holds stays with it: \(error)")
      }
    }
    var report = try prune(policy, selection, released: released, force: force, progress: progress)
    report.removal.warnings = warnings + report.removal.warnings
    return (report, unlinked)
  }

  /// The file-system paths at which the pointer of a checkpoint with this path may lie.
  private func files(ofPointersPath path: String) -> [String] {
    var names = [path]
    if let escape = path.range(of: "%40", options: .backwards) {
      names.append(path.replacingCharacters(in: escape, with: "@"))
    }
    return names.compactMap { name in
      guard name.hasPrefix("/") || base != nil else { return nil }
      let file = PathName.absolute(name.hasPrefix("/") ? name : (base ?? "") + "/" + name)
      return self.name(forPointer: file) == path ? file : nil
    }
  }

  /// The pointer of this repository that is a plain file with one name; nil for anything else.
  private func onlyPointer(at file: String) -> Pointer? {
    var info = stat()
    guard lstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_nlink == 1,
      let pointer = try? Pointer.read(file), pointer.repository == configuration.id
    else { return nil }
    return pointer
  }

  /// Unlinks a pointer, durably; false if it is another one by now.
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
    guard let found, pointer.releases.contains(found.checkpoint) else {
      // Back to its name, unless something newer has come there.
      guard link(aside, pointer.file) == 0 || errno == EEXIST || rename(aside, pointer.file) == 0 else {
        throw CairnError.system("rename back to \(pointer.file)", aside, errno)
      }
      Glibc.unlink(aside)
      try OutputDirectory.sync(directory)
      return false
    }
    guard Glibc.unlink(aside) == 0 else { throw CairnError.system("unlink", aside, errno) }
    try OutputDirectory.sync(directory)
    return true
  }
}
