/// Finds the storages that have to be saved as untyped bytes.
///
/// PyTorch's unpickler knows one element type per typed storage. A storage that tensors of several types look at, one
/// whose size is no multiple of the type's, and one of a type that has no storage class, are untyped; the tensors name
/// their types themselves.
enum StorageTypes {
  /// More values than this are no state that anybody means to save, but one in which lists share lists without end.
  static let mostValues = 50_000_000

  static func untyped(in checkpoint: Checkpoint) throws -> Set<ObjectIdentifier> {
    var types: [ObjectIdentifier: DType] = [:]
    var untyped: Set<ObjectIdentifier> = []
    var seen: Set<ObjectIdentifier> = []
    var pending = [(value: checkpoint, depth: 0)]
    func note(_ storage: TensorStorage, _ dtype: DType?) {
      let identity = ObjectIdentifier(storage)
      guard let dtype, dtype.storageClass != nil, storage.byteCount % dtype.itemSize == 0,
        types[identity] == nil || types[identity] == dtype
      else {
        untyped.insert(identity)
        return
      }
      types[identity] = dtype
    }
    var count = 0
    while let (value, depth) = pending.popLast() {
      count += 1
      guard count <= mostValues else {
        throw StateError.unsupported(problem: "it has over \(mostValues) values", place: "")
      }
      guard depth <= StateDecoder.deepest else { throw StateError.tooDeep }
      func push(_ value: Checkpoint) { pending.append((value, depth + 1)) }
      func push(_ dictionary: CheckpointDictionary) {
        for (key, value) in dictionary {
          push(key)
          push(value)
        }
        if let attributes = dictionary.attributes { push(attributes) }
      }
      switch value {
      case .tensor(let tensor): note(tensor.storage, tensor.dtype)
      case .storage(let value): note(value.storage, value.dtype)
      case .list(let items), .tuple(let items), .set(let items), .frozenSet(let items): items.forEach(push)
      case .dictionary(let dictionary): push(dictionary)
      case .object(let object):
        guard seen.insert(ObjectIdentifier(object)).inserted else { continue }
        push(object.callable)
        push(object.arguments)
        if case .newObjectWithKeywords(let keywords) = object.construction { push(keywords) }
        object.items.forEach(push)
        push(object.pairs)
        if let state = object.state { push(state) }
      default: break
      }
    }
    return untyped
  }
}
