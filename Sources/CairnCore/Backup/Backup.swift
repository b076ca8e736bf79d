import GRDB
import Synchronization

/// One backup: fixes a length of the log, brings what it needs, and puts the log in place last.
final class Backup {
  /// How often a length is fixed anew before this gives up.
  private static let limit = 100

  private let source: Repository
  /// nil if this only looks and there is no backup yet.
  private let target: Repository?
  private let path: String
  private let options: BackupOptions
  private let transfer: BackupTransfer
  private let directory: WriterDirectory?
  /// Where the backup's log ended when this began.
  private var logAtStart: Log.Position?
  /// What is in the backup for sure.
  private var taken: [BackupPlan.File: BackupTransfer.Taken] = [:]
  /// How often in a row each file was not to be had.
  private var failures: [BackupPlan.File: Int] = [:]
  /// Called once a length has been fixed; for tests.
  var afterPlan: (BackupPlan) throws -> Void = { _ in }
  /// Called before the backup's lock is taken; for tests.
  var beforeLock: () throws -> Void = {}

  /// A backup that is there already, or is made by `source`'s first line, unless this only looks.
  init(of source: Repository, to destination: BackupDestination, _ options: BackupOptions) throws {
    self.source = source
    self.options = options
    path = destination.path
    let history = try LogHistory(of: source.path)
    guard history.repository == source.configuration.id else {
      throw Log.damage(source.logPath, "its first line does not name this repository")
    }
    target =
      try options.dryRun && !destination.isThere ? nil : destination.open(firstLine: Array(history.firstLine))
    if let target {
      // Before anything is copied: it may take hours.
      _ = try BackupLog(source: source, target: target, force: options.force).standing(to: history.end, of: history)
      logAtStart = try? LogHistory(of: target.path).end
    }
    var directory: WriterDirectory?
    if let target, !options.dryRun {
      // What a backup that died has left.
      _ = try? target.removeAbandonedDirectories()
      for name in BlobStore.directoryNames {
        try Files.makeDirectory("\(target.blobs.root)/\(name)", mode: target.modes.directory)
      }
      directory = try WriterDirectory(repository: target.path, modes: target.modes)
    }
    self.directory = directory
    transfer = BackupTransfer(
      from: source.blobs, to: target?.blobs ?? BlobStore(repository: path, readsDirectories: false), options,
      directory: directory, mode: target?.modes.blob ?? 0o444)
  }

  func run() throws -> BackupReport {
    do {
      return try runWhileThereIsRoom()
    } catch var error as CairnError where error.kind == .noSpace && error.message.hasPrefix(path) {
      // Whoever reads the backup needs some room, for its index.
      error.advice = "make room there; the backup is what the last whole one made it"
      do { try takeBack() } catch { source.warn("what was brought to \(path) could not be removed again (\(error))") }
      throw error
    }
  }

  /// Removes what this has brought, unless the backup's log is another one since, which may need it.
  private func takeBack() throws {
    try directory?.remove()
    guard let target, let logAtStart else { return }
    let lock = try target.acquireLock()
    defer { lock.release() }
    let log = try Log(readingOnly: target.path)
    guard try log.size() == logAtStart.bytes, try log.holds(logAtStart) else { return }
    for path in transfer.brought.withLock({ $0 }) { try Files.unlink(path) }
  }

  private func runWhileThereIsRoom() throws -> BackupReport {
    var plan = try fix(settling: false)
    for attempt in 0..<Self.limit {
      let missing = try bring(&plan)
      let isSure = missing.keys.allSatisfy { failures[$0] ?? 0 > 2 }
      if isSure, try putLogInPlace(plan, missing) { return try finish(plan, missing) }
      // What was to be had no more was removed since: then the length has to include that. An index that cannot follow
      // its log on a full disk only says so to who holds the lock.
      plan = try fix(settling: failures.values.contains { $0 > 1 } || attempt > 2)
    }
    throw CairnError(
      .changed, "\(source.path): checkpoints are removed faster than a backup can follow", advice: "try again later")
  }

  /// Fixes a length of the log, and says what it needs.
  private func fix(settling: Bool) throws -> BackupPlan {
    try options.checkCancelled(path)
    let plan =
      try settling && source.isWritable
      ? source.locked { locked in try locked.index.read { try BackupPlan($0, source) } }
      : source.read { try BackupPlan($0, source) }
    try afterPlan(plan)
    return plan
  }

  // MARK: Files

  /// Brings what is not in the backup yet; says what was not to be had, and why.
  private func bring(_ plan: inout BackupPlan) throws -> [BackupPlan.File: String] {
    var missing = try bring(plan.files)
    for pack in missing.keys where pack.kind == .pack && failures[pack] ?? 0 > 2 {
      // The index may name a pack whose blobs have since been found in others.
      guard let others = try elsewhere(pack.digest) else { continue }
      missing[pack] = nil
      let known = Set(plan.files)
      plan.files = plan.files.filter { $0 != pack } + others.filter { !known.contains($0) }
      missing.merge(try bring(others)) { first, _ in first }
    }
    return missing
  }

  private func bring(_ files: [BackupPlan.File]) throws -> [BackupPlan.File: String] {
    let work = files.filter { taken[$0] == nil }
    let total = files.reduce(0) { $0.adding($1.size) }
    let done = Tally(work.reduce(total) { $0 - $1.size })
    let outcomes = Mutex<[(Int, BackupTransfer.Outcome)]>([])
    let (options, transfer, path) = (options, transfer, path)
    try inParallel(work.count) { index in
      try options.checkCancelled(path)
      let outcome = try transfer.take(work[index])
      outcomes.withLock { $0.append((index, outcome)) }
      options.progress?(done.add(work[index].size), total)
    }
    var missing: [BackupPlan.File: String] = [:]
    for (index, outcome) in outcomes.withLock({ $0 }) {
      switch outcome {
      case .taken(let file):
        taken[work[index]] = file
        failures[work[index]] = nil
      case .unavailable(let problem):
        missing[work[index]] = problem
        failures[work[index], default: 0] += 1
      }
    }
    failures = failures.filter { missing[$0.key] != nil }
    return missing
  }

  /// The files that hold the blobs which the index says lie in a pack; nil if they are not all to be found.
  private func elsewhere(_ pack: Digest) throws -> [BackupPlan.File]? {
    let blobs = try source.read { try BackupPlan.blobs(in: pack, $0) }
    let packs = Packs(blobs: source.blobs)
    var files: Set<BackupPlan.File> = []
    for blob in blobs {
      if let other = try packs.find(blob.digest).first(where: { packs.holds($0, blob.digest, length: blob.size) }) {
        files.insert(BackupPlan.File(digest: other, kind: .pack, size: blob.size))
      } else if try source.blobs.ownFile(blob.digest, length: blob.size) != nil {
        files.insert(BackupPlan.File(digest: blob.digest, kind: .blob, size: blob.size))
      } else {
        return nil
      }
    }
    return Array(files)
  }

  // MARK: The log

  /// Puts the log in place, if everything that it names is; false if something has changed, so that this has to go on.
  private func putLogInPlace(_ plan: BackupPlan, _ missing: [BackupPlan.File: String]) throws -> Bool {
    let history = try LogHistory(of: source.path)
    // A repair may have made the log anew.
    guard history.contains(plan.position) else { return false }
    let log = target.map { BackupLog(source: source, target: $0, force: options.force) }
    guard let target, let log, !options.dryRun else { return true }
    // The first time without the lock: it takes long.
    try syncDirectories(target)
    try beforeLock()
    let lock = try target.acquireLock { [options, path] in try options.checkCancelled(path) }
    defer { lock.release() }
    let standing = try log.standing(to: plan.position, of: history)
    if case .ahead = standing { return false }
    // Whoever collects garbage in the backup, or makes another one there, may have taken away what was brought.
    let gone = try goneSince(plan, target)
    for file in gone { taken[file] = nil }
    guard gone.isEmpty else { return false }
    try syncDirectories(target)
    try options.checkCancelled(path)
    if case .same = standing { return true }
    try log.replace(with: history, upTo: plan.position, standing)
    return true
  }

  private func goneSince(_ plan: BackupPlan, _ target: Repository) throws -> [BackupPlan.File] {
    let files = plan.files.compactMap { file in taken[file].map { (file, $0) } }
    let gone = Mutex<[BackupPlan.File]>([])
    try inParallel(files.count) { index in
      let (file, taken) = files[index]
      guard try Files.linkStatus(target.blobs.path(file.digest, taken.encoding))?.size != taken.size else { return }
      gone.withLock { $0.append(file) }
    }
    return gone.withLock { $0 }
  }

  private func syncDirectories(_ target: Repository) throws {
    try Files.syncDirectory(target.blobs.root)
    let names = BlobStore.directoryNames
    try inParallel(names.count) { try Files.syncDirectory("\(target.blobs.root)/\(names[$0])") }
  }

  // MARK: What is said

  private func finish(_ plan: BackupPlan, _ missing: [BackupPlan.File: String]) throws -> BackupReport {
    var report = BackupReport()
    report.path = path
    report.checkpoints = plan.checkpoints
    report.logBytes = plan.position.bytes
    let files = plan.files.compactMap { file in taken[file].map { (file, $0) } }
    for (_, file) in files {
      report.total.add(file.size)
      switch file.way {
      case .reused: report.reused.add(file.size)
      case .linked: report.linked.add(file.size)
      case .cloned: report.cloned.add(file.size)
      case .copied: report.copied.add(file.size)
      case .pending: report.pending.add(file.size)
      }
    }
    report.problems = try problems(missing)
    try directory?.remove()
    // What the repository has lost may be in the backup still, under a name that nobody can tell.
    guard missing.isEmpty, !plan.hasUnreadable, let target else { return report }
    do {
      let pruning = BackupPruning(target, keeping: files.map { ($0.0.digest, $0.1.encoding) })
      let superfluous = try pruning.superfluous()
      if options.dryRun {
        for file in superfluous { report.removed.add(file.size) }
      } else if try !pruning.remove(superfluous, logAt: plan.position, each: { report.removed.add($0) }) {
        report.warnings.append("something else is being written to \(path): what it no longer needs stays in it")
      }
    } catch {
      report.warnings.append("the backup is made, but what it no longer needs could not be removed (\(error))")
    }
    return report
  }

  private func problems(_ missing: [BackupPlan.File: String]) throws -> [BackupReport.Problem] {
    if missing.isEmpty { return [] }
    return try source.read { db in
      let needs = try missing.keys.map { file in
        (file, try file.kind == .pack ? BackupPlan.blobs(in: file.digest, db).map(\.digest) : [file.digest])
      }
      let hurts = try HurtFinder(db: db).find(Set(needs.flatMap(\.1))).hurts
      return needs.map { file, blobs in
        let path = source.blobs.path(file.digest, file.encodings[0])
        let problem = missing[file] ?? ""
        return BackupReport.Problem(
          path: path,
          // Errors name the file themselves.
          problem: problem.hasPrefix(path + ": ") ? String(problem.dropFirst(path.count + 2)) : problem,
          checkpoints: Set(blobs.flatMap { hurts[$0]?.map(\.checkpoint) ?? [] }).sorted())
      }.sorted { $0.path < $1.path }
    }
  }
}
