import CairnCore
import CairnFormats

/// Saves one complete file, and puts a pointer in its place if that is wanted.
struct WatchedFileSaver {
  /// What came of it.
  struct Outcome {
    enum Kind {
      case saved(SaveReport)
      /// The version that has the same content.
      case unchanged(String)
      /// It is a pointer already.
      case pointer
    }

    enum Replacement {
      case replaced(String)
      case kept(String)
    }

    var kind: Kind
    var replacement: Replacement?
  }

  private let repository: Repository
  private let options: WatchOptions
  private let stop: WatchStop

  /// A pointer has room for so many ids of older versions.
  private static let mostEarlier = 1_000

  init(_ repository: Repository, _ options: WatchOptions, _ stop: WatchStop) {
    self.repository = repository
    self.options = options
    self.stop = stop
  }

  /// Saves the file at `path`, unless the newest version of its name is the same. Throws ``CairnError`` or
  /// ``FileSourceError``.
  func save(_ path: String, _ stamp: FileStamp) throws -> Outcome {
    if try isPointer(path) { return Outcome(kind: .pointer) }
    // As the plugin names it: no file's name reads as a version.
    let name = repository.name(forPointer: path)
    if let record = try repository.newestVersion(of: name, ifItIs: path) {
      let replacement = try replace(path, stamp, with: record)
      return Outcome(kind: .unchanged(record.name), replacement: replacement)
    }
    var request = options.request
    request.path = name
    request.pointer = options.replaces
    request.isCancelled = { [stop] in stop.isUrgent }
    if let progress = options.progress { request.progress = { progress(path, $0, $1) } }
    let report = try repository.save(file: path, request, opaque: options.opaque)
    let record = options.replaces ? try repository.checkpoint(id: report.id) : nil
    return Outcome(kind: .saved(report), replacement: try record.flatMap { try replace(path, stamp, with: $0) })
  }

  /// Whether the file is a pointer, one that cannot be understood included.
  private func isPointer(_ path: String) throws -> Bool {
    do {
      return try Pointer.read(path) != nil
    } catch let error as CairnError where error.kind == .invalid || error.kind == .newerFormat {
      return true
    }
  }

  /// What is saved is saved, whatever comes of this.
  private func replace(
    _ path: String, _ stamp: FileStamp, with record: CheckpointRecord
  ) throws -> Outcome.Replacement? {
    guard options.replaces else { return nil }
    do {
      // What the trainer has overwritten is still a version of this file, and goes with it.
      // But not one that has come to its name from elsewhere: that is held there.
      let earlier = try repository.checkpoints(paths: [record.path]).filter {
        $0.pointerPath?.isExactly(record.path) == true && $0.id != record.id
      }
      switch try repository.replace(
        fileAt: path, stamp, with: record, earlier: earlier.prefix(Self.mostEarlier).map(\.id))
      {
      case .replaced: return .replaced(record.name)
      case .kept(let reason): return .kept(reason)
      }
    } catch let error as CairnError {
      return .kept(error.message)
    }
  }
}
