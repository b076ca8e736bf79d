import CairnCore
import CairnFormats

extension Pointer {
  /// The pointer as a PyTorch container. The same pointer gives the same bytes.
  public func container() throws -> [UInt8] {
    let probes = locations.indices.map { index in
      PyTorchContainerWriter.Storage(key: String(index), byteCount: 1) { sink in
        try [UInt8(0)].withUnsafeBytes { try sink($0) }
      }
    }
    let collected = Collected()
    try PyTorchContainerWriter().write(pickle: pickle(), storages: probes) { collected.bytes.append(contentsOf: $0) }
    let bytes = collected.bytes
    guard bytes.count <= Self.sizeLimit else {
      throw CairnError(
        .invalid, "\(name): a pointer to it would have \(bytes.count) bytes, more than the \(Self.sizeLimit) allowed",
        advice: "choose shorter names")
    }
    return bytes
  }

  private final class Collected {
    var bytes: [UInt8] = []
  }

  /// Puts the pointer at `path`: atomically, durably, with the mode that the umask gives. A link there is replaced, not
  /// followed.
  ///
  /// Throws ``CairnError/Kind/alreadyExists`` if something is there and `overwrite` does not allow to replace it.
  public func write(to path: String, overwrite: Bool) throws {
    let bytes = try container()
    let output = try Output(path, overwrite: overwrite)
    do {
      let file = try OutputFile(output.temporary)
      try bytes.withUnsafeBytes { try file.write($0, at: 0) }
      try file.finish()
      try output.publishFile()
    } catch {
      output.discard()
      throw error
    }
  }

  /// The pickle that both a pointer and a full file hold.
  func pickle() throws -> [UInt8] {
    var builder = PointerPickle()
    let fields: [(String, PickleNode)] = [
      ("format", .int(Self.format)),
      ("repository", .string(repository)),
      ("place", .string(place)),
      ("relative", .string(relative)),
      ("checkpoint", .string(checkpoint)),
      ("manifest", .string(manifest.hex)),
      ("name", .string(name)),
      ("run", run.map { .string($0) } ?? .none),
      ("earlier", builder.list(earlier)),
      ("probes", builder.probes(locations)),
    ]
    return try PickleWriter.write(builder.call(fields), name: name)
  }
}

/// The graph of a pointer's pickle.
private struct PointerPickle {
  private var nodes: [PickleNode] = []

  private mutating func add(_ node: PickleNode) -> PickleGraph.ID {
    nodes.append(node)
    return nodes.count - 1
  }

  mutating func list(_ items: [String]) -> PickleNode {
    .list(items.map { add(.string($0)) })
  }

  /// A `uint8` tensor of one element for each location, as `torch._utils._rebuild_tensor_v2` makes them.
  mutating func probes(_ locations: [String]) -> PickleNode {
    .dict(
      locations.enumerated().map { index, location in
        let storage = add(
          .tuple([
            add(.string("storage")), add(.global(PickleGlobal("torch", "ByteStorage"))), add(.string(String(index))),
            add(.string(location)), add(.int(1)),
          ]))
        let hooks = add(
          .object(PickleObject(.reduce, add(.global(PickleGlobal("collections", "OrderedDict"))), add(.tuple([])))))
        let arguments = add(
          .tuple([
            add(.persistentID(storage)), add(.int(0)), add(.tuple([add(.int(1))])), add(.tuple([add(.int(1))])),
            add(.bool(false)), hooks,
          ]))
        let rebuild = add(.global(PickleGlobal("torch._utils", "_rebuild_tensor_v2")))
        return PicklePair(add(.string(location)), add(.object(PickleObject(.reduce, rebuild, arguments))))
      })
  }

  mutating func call(_ fields: [(String, PickleNode)]) -> PickleGraph {
    let pairs = fields.map { key, value in PicklePair(add(.string(key)), add(value)) }
    let arguments = add(.tuple([add(.dict(pairs))]))
    let root = add(.object(PickleObject(.reduce, add(.global(Pointer.function)), arguments)))
    return PickleGraph(nodes: nodes, root: root)
  }
}
