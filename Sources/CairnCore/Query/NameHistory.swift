/// What checkpoints are called, followed through the log line by line.
struct NameHistory {
  /// A checkpoint lost a name.
  struct Event {
    var id: String
    var from: PathName
    /// What it is called from then on; nil: it was removed.
    var to: PathName?
  }

  private var names: [String: PathName] = [:]
  /// The ids of what is at a path now.
  private var paths: [ExactName: Set<String>] = [:]

  /// Does what a line says, and tells which names are no checkpoint's any more, in the order of their versions.
  ///
  /// A second removal of the same checkpoint, by somebody who did not know of the first, is none.
  mutating func follow(_ entry: LogEntry) -> [Event] {
    switch entry.op {
    case .saved:
      if let path = entry.path { set(entry.id, PathName(path: path, version: entry.version ?? 0)) }
    case .moved:
      return move(entry)
    default:
      break
    }
    return (entry.removes ?? []).compactMap { id in
      guard let name = names.removeValue(forKey: id) else { return nil }
      paths[ExactName(name.path)]?.remove(id)
      return Event(id: id, from: name)
    }
  }

  private mutating func move(_ entry: LogEntry) -> [Event] {
    guard let path = entry.path, let newPath = entry.newPath else { return [] }
    let ids = entry.newVersion == nil ? paths[ExactName(path)] ?? [] : [entry.id]
    let events = ids.compactMap { id -> Event? in
      guard let name = names[id] else { return nil }
      let version = entry.newVersion ?? (name.version ?? 0) &+ (entry.shift ?? 0)
      return Event(id: id, from: name, to: PathName(path: newPath, version: version))
    }
    for event in events {
      paths[ExactName(event.from.path)]?.remove(event.id)
      if let name = event.to { set(event.id, name) }
    }
    return events.sorted { $0.from.version ?? 0 < $1.from.version ?? 0 }
  }

  private mutating func set(_ id: String, _ name: PathName) {
    names[id] = name
    paths[ExactName(name.path), default: []].insert(id)
  }
}
