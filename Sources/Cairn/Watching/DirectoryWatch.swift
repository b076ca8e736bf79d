import CairnCore
import CairnFormats
import Glibc

/// Saves the checkpoints that appear in a directory, each once it is completely written.
///
/// What the kernel says is taken for a hint where to look. A file is complete when it has not changed for the settle
/// time, nobody has it open for writing, it reads as what it begins as, and did not change while it was read; else it is
/// tried again. Used by one thread.
public final class DirectoryWatch {
  private let repository: Repository
  private let directory: String
  private let options: WatchOptions
  private let stop: WatchStop
  private let report: (WatchEvent) throws -> Void
  private let patterns: WatchPatterns
  private let tree: WatchedTree
  private let saver: WatchedFileSaver

  private var files = WatchedFiles()
  private var notifier: ChangeNotifier?
  private var pollInterval: Double?
  private var nextScan: ContinuousClock.Instant?
  private var isFirstScan = true
  private var saved = 0
  private var failed: Set<String> = []
  private var ignored: Set<String> = []

  private static let mostAttempts = 3

  /// Makes one; nothing happens before ``run()``.
  ///
  /// - Parameter report: Told of each event; what it throws ends the watch.
  public init(
    _ repository: Repository, directory: String, _ options: WatchOptions, stop: WatchStop,
    report: @escaping (WatchEvent) throws -> Void
  ) {
    var directory = directory
    while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
    self.repository = repository
    self.directory = directory
    self.options = options
    self.stop = stop
    self.report = report
    patterns = WatchPatterns(include: options.include, exclude: options.exclude)
    tree = WatchedTree(root: directory, repository: repository.path)
    saver = WatchedFileSaver(repository, options, stop)
  }

  /// Watches, until ``WatchStop`` says otherwise, or, with ``WatchOptions/once``, until all that is complete is saved.
  ///
  /// - Returns: How many files were saved, and how many were not although they should have been.
  /// - Throws: ``CairnError`` if the directory is not there (any more), or the repository cannot be used.
  @discardableResult
  public func run() throws -> (saved: Int, failed: Int) {
    try requireDirectory()
    try refuseRepository()
    try start()
    try scan()
    isFirstScan = false
    while !stop.isRequested {
      if options.once, files.waiting.isEmpty { break }
      try wait()
      if stop.isRequested { break }
      try hear()
      if let next = nextScan, next <= .now { try scan() }
      for path in files.due(at: .now) where !stop.isRequested { try look(at: path) }
    }
    try report(.stopped(saved: saved, failed: failed.count))
    return (saved, failed.count)
  }

  private func requireDirectory() throws {
    var info = stat()
    guard stat(directory, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
      throw CairnError(.notFound, "\(directory): no such directory")
    }
  }

  private func refuseRepository() throws {
    let own = (resolvedPath(repository.path) ?? repository.path) + "/"
    let isInside = ((resolvedPath(directory) ?? directory) + "/").hasPrefix(own)
    guard isInside || access(directory + "/cairn.json", F_OK) == 0 else { return }
    throw CairnError(
      .invalid, "\(directory): is a repository itself", advice: "name the directory that a trainer writes to")
  }

  private func start() throws {
    if options.once { return }
    pollInterval = options.poll
    if pollInterval == nil, WatchedTree.isRemote(directory) {
      pollInterval = WatchOptions.defaultPoll
      try report(.watching(directory: directory, polling: pollInterval))
      return try report(
        .polling(every: WatchOptions.defaultPoll, reason: "a filesystem on which other machines may write"))
    }
    if pollInterval == nil {
      do {
        notifier = try ChangeNotifier()
      } catch let error as CairnError {
        try poll(error.message)
      }
    }
    try report(.watching(directory: directory, polling: pollInterval))
  }

  /// From now on all files are looked at every so often.
  private func poll(_ reason: String) throws {
    notifier = nil
    let interval = options.poll ?? WatchOptions.defaultPoll
    pollInterval = interval
    try report(.polling(every: interval, reason: reason))
  }
}

// MARK: - Finding files

extension DirectoryWatch {
  /// Looks at all that is there.
  private func scan() throws {
    var seen: Set<String> = []
    try walk(directory) { seen.insert($0) }
    files.keep(seen.contains)
    failed = failed.intersection(seen)
    nextScan = pollInterval.map { .now + .seconds($0) }
  }

  /// Looks at all that is in a directory, and in those below it, and has the kernel tell what changes in them.
  private func walk(_ start: String, _ seen: (String) -> Void = { _ in }) throws {
    var directories = [start]
    while let path = directories.popLast(), !stop.isRequested {
      // First this, then the listing: so nothing gets lost in between.
      try follow(path)
      let listing: WatchedTree.Listing?
      do {
        listing = try tree.list(path)
      } catch let error as CairnError where path != directory {
        try ignore(path, error.message)
        continue
      }
      guard let listing else {
        if path == directory { try requireDirectory() }
        continue
      }
      for entry in listing.ignored { try ignore(path + "/" + entry.name, entry.reason) }
      directories += listing.directories.map { path + "/" + $0 }
      for file in listing.files {
        seen(path + "/" + file.name)
        try see(path + "/" + file.name, file.stamp)
      }
    }
  }

  private func follow(_ path: String) throws {
    guard let notifier else { return }
    do {
      if path != directory, WatchedTree.isRemote(path) {
        return try poll("\(path): a filesystem on which other machines may write")
      }
      _ = try notifier.add(path, followingLink: path == directory)
    } catch let error as CairnError {
      let limit = "raise fs.inotify.max_user_watches to be told of changes at once"
      try poll("\(error.message); \(limit)")
    }
  }

  private func ignore(_ path: String, _ reason: String) throws {
    if ignored.insert(path).inserted { try report(.ignored(file: path, reason: reason)) }
  }

  /// A file was seen that may be a checkpoint.
  private func see(_ path: String, _ stamp: FileStamp) throws {
    let relative = String(path.dropFirst(directory == "/" ? 1 : directory.utf8.count + 1))
    guard patterns.match(relative) else {
      if WatchPatterns.isTemporary(relative) { try ignore(path, "a name that temporary files have") }
      return
    }
    if isFirstScan, !options.includesExisting { return files.finish(path, stamp) }
    // What was written long ago need not be waited for.
    let rest = max(0, options.settle - max(0, stamp.age))
    files.see(path, stamp, due: .now + .seconds(isFirstScan ? rest : options.settle))
  }

  /// Takes in what the kernel has said.
  private func hear() throws {
    guard let notifier else { return }
    for hint in try notifier.hints() {
      switch hint {
      case .file(let path):
        if let stamp = FileStamp(path) { try see(path, stamp) }
      case .directory(let path):
        if tree.contains(directory: path) { try walk(path) }
      case .directoryGone(let path):
        if path == directory { try requireDirectory() }
        notifier.remove(below: path)
      case .overflow:
        try report(.rescanned)
        try scan()
      }
      if self.notifier == nil { return }
    }
  }

  /// Sleeps until there is something to do.
  private func wait() throws {
    var instants = [files.nextDue, nextScan].compactMap { $0 }
    // A directory that is unlinked tells nobody on some filesystems.
    instants.append(.now + .seconds(60))
    let rest = (instants.min() ?? .now) - .now
    let seconds = max(0, Double(rest.components.seconds) + Double(rest.components.attoseconds) / 1e18)
    var descriptors = [pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0)]
    if let notifier { descriptors.append(pollfd(fd: notifier.descriptor, events: Int16(POLLIN), revents: 0)) }
    let result = Glibc.poll(&descriptors, nfds_t(descriptors.count), Int32((seconds * 1_000).rounded(.up)))
    if result < 0, errno != EINTR { throw CairnError.system("wait for changes in", directory, errno) }
    if result == 0 { try requireDirectory() }
  }
}

// MARK: - Saving files

extension DirectoryWatch {
  /// A file's time has come: saves it if it is complete.
  private func look(at path: String) throws {
    guard var file = files.waiting[ExactName(path)] else { return }
    guard let stamp = FileStamp(path) else {
      files.finish(path, nil)
      return try report(.gone(file: path))
    }
    guard stamp == file.stamp, !OpenWriters.has(path) else {
      if options.once, file.changes > 0 { return try giveUp(path, "is being written") }
      file = WatchedFiles.Waiting(stamp: stamp, due: .now + .seconds(options.settle), changes: file.changes + 1)
      return files.postpone(path, file)
    }
    do {
      try finish(path, stamp, try saver.save(path, stamp))
    } catch let error as CairnError {
      try retry(path, file, error)
    } catch let error as FileSourceError {
      try retry(path, file, CairnError(.io, error.description))
    }
  }

  private func giveUp(_ path: String, _ reason: String) throws {
    files.finish(path, nil)
    try report(.waiting(file: path, reason: reason))
  }

  private func finish(_ path: String, _ stamp: FileStamp, _ outcome: WatchedFileSaver.Outcome) throws {
    files.finish(path, stamp)
    failed.remove(path)
    if case .pointer = outcome.kind { return try ignore(path, "a pointer to a checkpoint") }
    switch outcome.kind {
    case .saved(let result):
      saved += 1
      try report(.saved(file: path, result))
    case .unchanged(let name): try report(.unchanged(file: path, name: name))
    case .pointer: break
    }
    switch outcome.replacement {
    case .replaced(let name): try report(.replaced(file: path, name: name))
    case .kept(let reason): try report(.kept(file: path, reason: reason))
    case nil: break
    }
  }

  private func retry(_ path: String, _ file: WatchedFiles.Waiting, _ error: CairnError) throws {
    switch error.kind {
    case .cancelled: return
    case .notARepository, .newerFormat, .untrusted, .unsupportedFilesystem: throw error
    default: break
    }
    guard FileStamp(path) != nil else {
      files.finish(path, nil)
      return try report(.gone(file: path))
    }
    let ofContent = error.kind == .damaged || error.kind == .changed
    if options.once || error.kind == .invalid || ofContent && file.attempts + 1 >= Self.mostAttempts {
      // Until it changes.
      files.finish(path, file.stamp)
      failed.insert(path)
      return try report(.failed(file: path, error, isFinal: true))
    }
    var file = file
    file.attempts += 1
    file.due = .now + .seconds(min(max(options.settle, 1) * Double(1 << min(file.attempts, 8)), 300))
    files.postpone(path, file)
    if ofContent {
      try report(.waiting(file: path, reason: error.message))
    } else {
      failed.insert(path)
      try report(.failed(file: path, error, isFinal: false))
    }
  }
}
