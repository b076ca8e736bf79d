import CairnCore
import CairnFormats
import Glibc

extension Pointer {
  /// The pointer at `path`, through links; nil if nothing is there, or it is anything else than a pointer.
  ///
  /// Only regular files are opened, and no more than ``sizeLimit`` bytes read. Throws ``CairnError/Kind/invalid`` for a
  /// pointer that is broken, ``CairnError/Kind/newerFormat`` for one that a newer Cairn wrote, and
  /// ``CairnError/Kind/io`` for a file that cannot be read.
  public static func read(_ path: String) throws -> Pointer? {
    guard let source = try regularFile(path) else { return nil }
    return try read(source)
  }

  /// The pointer that a file's content is; nil if it is none. Throws as ``read(_:)-(String)``.
  package static func read(_ source: some ByteSource) throws -> Pointer? {
    guard source.size > 0, source.size <= sizeLimit else { return nil }
    let content: [UInt8]
    do {
      content = try source.bytes(at: 0, count: source.size)
    } catch let error as FileSourceError {
      throw CairnError(.io, error.description)
    }
    let memory = BytesSource(content, name: source.name)
    guard let pickle = record("data.pkl", of: memory) else { return nil }
    return try parse(pickle, name: source.name)
  }

  /// What the file at `path` holds on to: that of a pointer, or of a full file that the plugin wrote; nil for any other
  /// file. Throws as ``read(_:)-(String)``.
  public static func readHeld(_ path: String) throws -> Pointer? {
    guard let source = try regularFile(path) else { return nil }
    if let pointer = try read(source) { return pointer }
    guard let pickle = record(embeddedRecord, of: source) else { return nil }
    return try parse(pickle, name: path)
  }

  private static func regularFile(_ path: String) throws -> FileSource? {
    do {
      return try FileSource(path: path)
    } catch FileSourceError.cannotOpen(_, ENOENT), FileSourceError.cannotOpen(_, ENOTDIR),
      FileSourceError.cannotOpen(_, ELOOP), FileSourceError.cannotOpen(_, ENAMETOOLONG),
      FileSourceError.notARegularFile
    {
      return nil
    } catch let error as FileSourceError {
      throw CairnError(.io, error.description)
    }
  }

  /// A small uncompressed record, which may lie below any one folder; nil if the file has none.
  private static func record(_ name: String, of source: some ByteSource) -> [UInt8]? {
    guard source.size >= 4, let magic = try? source.bytes(at: 0, count: 4), magic == [0x50, 0x4B, 3, 4],
      let archive = try? ZipArchive(source)
    else { return nil }
    let entry = archive.entries.first { entry in
      guard let slash = entry.name.firstIndex(of: "/") else { return false }
      return entry.name[entry.name.index(after: slash)...] == name && entry.method == .stored
    }
    return entry.flatMap { try? archive.contents(of: $0, in: source, limit: sizeLimit, checked: false) }
  }

  /// The pointer that a pickle makes; nil if it makes something else.
  package static func parse(_ pickle: [UInt8], name: String) throws -> Pointer? {
    guard pickle.count <= sizeLimit, let graph = try? PickleReader.read(pickle, name: name),
      case .object(let call) = graph[graph.root], call.construction == .reduce,
      case .global(function) = graph[call.callable]
    else { return nil }
    guard case .tuple(let arguments) = graph[call.arguments], arguments.count == 1,
      case .dict(let pairs) = graph[arguments[0]]
    else { throw invalid(name, "it holds no fields") }
    return try PointerFields(graph, pairs, name: name).pointer()
  }

  fileprivate static func invalid(_ file: String, _ problem: String) -> CairnError {
    CairnError(
      .invalid, "\(file): a pointer file that is broken: \(problem)",
      advice: "the checkpoint itself may be there: `cairn log` lists what there is")
  }
}

/// The dictionary of a pointer, which may come from anybody.
private struct PointerFields {
  private let graph: PickleGraph
  private let name: String
  private var fields: [String: PickleNode] = [:]

  private static let longest = 8_192
  /// All that the pickle of a pointer may name: probes are tensors.
  private static let known: Set<PickleGlobal> = [
    Pointer.function, PickleGlobal("torch._utils", "_rebuild_tensor_v2"), PickleGlobal("torch", "ByteStorage"),
    PickleGlobal("collections", "OrderedDict"),
  ]

  init(_ graph: PickleGraph, _ pairs: [PicklePair], name: String) throws {
    self.graph = graph
    self.name = name
    for pair in pairs {
      if case .string(let key) = graph[pair.key] { fields[key] = graph[pair.value] }
    }
    guard case .int(let format) = fields["format"], format > 0 else {
      throw Pointer.invalid(name, "it does not say its format")
    }
    guard format <= Pointer.format else {
      throw CairnError(
        .newerFormat, "\(name): a pointer of format \(format); this Cairn knows \(Pointer.format)",
        advice: "use a newer Cairn")
    }
    for case .global(let global) in graph.nodes where !Self.known.contains(global) {
      throw Pointer.invalid(name, "it names \(global.description.prefix(100)), which no pointer does")
    }
  }

  func pointer() throws -> Pointer {
    let manifest = try text("manifest")
    guard let digest = Digest(hex: manifest), digest.hex == manifest else {
      throw Pointer.invalid(name, "its manifest is no digest")
    }
    return Pointer(
      repository: try identifier("repository"), place: try text("place"), relative: try text("relative"),
      checkpoint: try identifier("checkpoint"), manifest: digest, name: try text("name"),
      run: string(fields["run"]), earlier: earlier(), locations: locations())
  }

  private func earlier() -> [String] {
    guard case .list(let items) = fields["earlier"] else { return [] }
    return items.compactMap { string(graph[$0]) }.filter(Self.isIdentifier)
  }

  private func locations() -> [String] {
    guard case .dict(let pairs) = fields["probes"] else { return [] }
    var seen: Set<String> = []
    return pairs.compactMap { string(graph[$0.key]) }.filter { seen.insert($0).inserted }
  }

  private func identifier(_ key: String) throws -> String {
    let value = try text(key)
    guard Self.isIdentifier(value) else { throw Pointer.invalid(name, "its \(key) is no id") }
    return value
  }

  private func text(_ key: String) throws -> String {
    guard let value = fields[key].flatMap(string) else { throw Pointer.invalid(name, "its \(key) is no text") }
    return value
  }

  private func string(_ node: PickleNode?) -> String? {
    let value: String
    switch node {
    case .string(let text): value = text
    // Python's way to say a path that is not UTF-8: shown, but never found.
    case .surrogateString(let bytes): value = String(decoding: bytes, as: UTF8.self)
    default: return nil
    }
    return value.unicodeScalars.count <= Self.longest && !value.utf8.contains(0) ? value : nil
  }

  private static func isIdentifier(_ text: String) -> Bool {
    text.utf8.count == 32
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }
}
