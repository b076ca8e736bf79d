import Cairn
import Synchronization

/// A save: what has been added to it so far.
final class SaveHandle: Sendable {
  let repository: Repository
  /// Set from signal handlers too.
  let isCancelled = Atomic(false)
  private let state = Mutex(State())

  private struct State {
    var phase = Phase.open
    var storages: [any ByteSource] = []
    var skeleton: [UInt8]?
  }

  private enum Phase {
    case open
    case committing
    case committed
  }

  init(_ repository: Repository) { self.repository = repository }

  /// Adds a storage under the next key.
  func add(_ key: String, _ source: any ByteSource) throws {
    try state.withLock { state in
      try Self.requireOpen(state.phase)
      guard key == String(state.storages.count) else {
        throw CairnError(
          .invalid, "a storage with the key \(key.prefix(64)), where the next one is \(state.storages.count)",
          advice: "keys are \"0\", \"1\" … in the order in which storages are added")
      }
      state.storages.append(source)
    }
  }

  /// Adds many storages, each as `source` says for its place in the list and its key: all of them or none.
  func add(_ count: Int, _ source: (_ index: Int, _ key: Int) throws -> any ByteSource) throws {
    try state.withLock { state in
      try Self.requireOpen(state.phase)
      let first = state.storages.count
      state.storages += try (0..<count).map { try source($0, first + $0) }
    }
  }

  func setSkeleton(_ bytes: [UInt8]) throws {
    try state.withLock { state in
      try Self.requireOpen(state.phase)
      state.skeleton = bytes
    }
  }

  /// Saves all that was added. If that fails it can be tried again.
  func commit(_ request: SaveRequest, savedAs file: String?) throws -> SaveReport {
    let (skeleton, storages) = try state.withLock { state in
      try Self.requireOpen(state.phase)
      guard let skeleton = state.skeleton else {
        throw CairnError(.invalid, "\(request.path): a save without a skeleton", advice: "set it first")
      }
      state.phase = .committing
      return (skeleton, state.storages)
    }
    var request = request
    request.isCancelled = { self.isCancelled.load(ordering: .relaxed) }
    do {
      let report = try repository.save(skeleton: skeleton, storages: storages, savedAs: file, request)
      state.withLock { $0 = State(phase: .committed) }
      return report
    } catch {
      state.withLock { $0.phase = .open }
      throw error
    }
  }

  private static func requireOpen(_ phase: Phase) throws {
    switch phase {
    case .open: return
    case .committing: throw CairnError(.invalid, "this save is being committed")
    case .committed: throw CairnError(.invalid, "this save has been committed already")
    }
  }
}
