/// How a node of a pickle is a tensor.
package struct TensorForm: Sendable {
  /// A tensor's elements in a storage.
  package struct View: Sendable {
    package var view: StridedView
    /// The position of the storage.
    package var storage: Int
  }

  /// The tensor itself, unless it has no storage of its own (sparse, meta).
  package var strided: View?
  /// Tensors that it is made of, with the names under which PyTorch gives them; an empty name is the tensor itself.
  package var parts: [(name: String, id: PickleGraph.ID)] = []
  package var requiresGrad = false
  package var isParameter = false
  /// Whether view, ``requiresGrad`` and ``isParameter`` are all that there is to the tensor: no hooks, no attributes,
  /// no conjugation, no subclass.
  package var isPlain = false
}

extension PyTorchGraph {
  /// What tensor node `id` is; nil if it is none, or of a kind that is not known.
  ///
  /// - Parameter place: Its dotted name, for errors.
  /// - Throws: ``FormatError`` for a tensor that is malformed, or reaches beyond its storage.
  package func tensor(at id: PickleGraph.ID, place: @autoclosure () -> String) throws(FormatError) -> TensorForm? {
    guard case .object(let object) = pickle[id], object.construction == .reduce,
      var form = try tensor(object.callable, object.arguments, nesting: 0, place: place)
    else { return nil }
    if object.state != nil || !object.items.isEmpty || !object.pairs.isEmpty { form.isPlain = false }
    return form
  }

  /// The functions that PyTorch rebuilds tensors with (torch/_utils.py, torch/_tensor.py).
  static let functions: Set<PickleGlobal> = [
    PickleGlobal("torch._utils", "_rebuild_tensor"), PickleGlobal("torch._utils", "_rebuild_tensor_v2"),
    PickleGlobal("torch._utils", "_rebuild_tensor_v3"), PickleGlobal("torch._utils", "_rebuild_parameter"),
    PickleGlobal("torch._utils", "_rebuild_parameter_with_state"),
    PickleGlobal("torch._utils", "_rebuild_sparse_tensor"),
    PickleGlobal("torch._utils", "_rebuild_sparse_csr_tensor"), PickleGlobal("torch._utils", "_rebuild_qtensor"),
    PickleGlobal("torch._utils", "_rebuild_nested_tensor"),
    PickleGlobal("torch._utils", "_rebuild_meta_tensor_no_storage"),
    PickleGlobal("torch._utils", "_rebuild_wrapper_subclass"),
    PickleGlobal("torch._utils", "_rebuild_device_tensor_from_cpu_tensor"),
    PickleGlobal("torch._utils", "_rebuild_device_tensor_from_numpy"),
    PickleGlobal("torch._tensor", "_rebuild_from_type_v2"),
  ]

  private func tensor(
    _ callable: PickleGraph.ID, _ arguments: PickleGraph.ID, nesting: Int, place: () -> String
  ) throws(FormatError) -> TensorForm? {
    // A parameter of a subclass is two calls deep; more than a few is nothing that PyTorch writes.
    guard nesting < 16, makesTensor(callable), case .global(let function) = pickle[callable] else { return nil }
    guard case .tuple(let values) = pickle[arguments] else {
      throw malformed(place(), "its arguments are no tuple")
    }
    func need(_ count: Int) throws(FormatError) {
      guard values.count >= count else {
        throw malformed(place(), "\(function.name) has \(values.count) arguments instead of \(count)")
      }
    }
    switch function.name {
    case "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor":
      try need(function.name == "_rebuild_tensor" ? 4 : function.name == "_rebuild_tensor_v2" ? 6 : 7)
      return try strided(function.name, values, place)
    case "_rebuild_parameter", "_rebuild_parameter_with_state":
      try need(function.name == "_rebuild_parameter" ? 3 : 4)
      return try parameter(values, nesting: nesting, place: place)
    case "_rebuild_from_type_v2":
      try need(4)
      guard var form = try tensor(values[0], values[2], nesting: nesting + 1, place: place) else { return nil }
      form.isPlain = false
      form.parts.append(("", values[3]))
      return form
    case "_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor":
      try need(2)
      return try sparse(values, place)
    case "_rebuild_nested_tensor":
      try need(4)
      return TensorForm(
        parts: [
          ("values", values[0]), ("nested_sizes", values[1]), ("nested_strides", values[2]),
          ("storage_offsets", values[3]),
        ])
    case "_rebuild_device_tensor_from_cpu_tensor":
      try need(1)
      return TensorForm(parts: [("", values[0])])
    default: return TensorForm()
    }
  }

  private func strided(_ function: String, _ values: [PickleGraph.ID], _ place: () -> String) throws(FormatError)
    -> TensorForm?
  {
    guard let (position, storageType) = storage(at: values[0]) else {
      throw malformed(place(), "it has no storage")
    }
    var dtype = storageType
    var metadata = values.count > 6 ? values[6] : nil
    if function == "_rebuild_tensor_v3" {
      guard let global = pickle.global(at: values[6]), global.module == "torch" else {
        throw malformed(place(), "its element type is not named")
      }
      // Types that are not known (torch.bits8 …) leave the storage, and no view on it.
      guard let known = DType(rawValue: global.name) else { return nil }
      dtype = known
      metadata = values.count > 7 ? values[7] : nil
    }
    guard case .int(let offset) = pickle[values[1]], let shape = sizes(values[2]), let strides = sizes(values[3]) else {
      throw malformed(place(), "its offset, shape or strides are not integers")
    }
    let element = dtype ?? .uint8
    let (byteOffset, overflows) = Int(offset).multipliedReportingOverflow(by: element.itemSize)
    if overflows { throw malformed(place(), "it starts beyond its storage") }
    if let problem = StridedView.problem(
      dtype: element, shape: shape, strides: strides, byteOffset: byteOffset,
      byteCount: storages[position].byteCount)
    {
      throw malformed(place(), problem)
    }
    let view = StridedView(dtype: element, shape: shape, strides: strides, byteOffset: byteOffset)
    var form = TensorForm(strided: TensorForm.View(view: view, storage: position))
    if function == "_rebuild_qtensor" {
      form.parts = quantizerParts(values[4])
    } else if function == "_rebuild_tensor" {
      form.isPlain = true
    } else if case .bool(let requiresGrad) = pickle[values[4]] {
      form.requiresGrad = requiresGrad
      form.isPlain = isEmpty(values[5]) && (metadata.map(isEmpty) ?? true)
    }
    return form
  }

  private func parameter(_ values: [PickleGraph.ID], nesting: Int, place: () -> String) throws(FormatError)
    -> TensorForm?
  {
    guard case .object(let data) = pickle[values[0]], data.construction == .reduce,
      var form = try tensor(data.callable, data.arguments, nesting: nesting + 1, place: place)
    else { return nil }
    let dataIsPlain = data.state == nil && data.items.isEmpty && data.pairs.isEmpty && !form.isParameter
    form.isParameter = true
    form.isPlain = form.isPlain && dataIsPlain && !form.requiresGrad && values.count == 3 && isEmpty(values[2])
    if case .bool(let requiresGrad) = pickle[values[1]] {
      form.requiresGrad = requiresGrad
    } else {
      form.isPlain = false
    }
    if values.count > 3 { form.parts.append(("", values[3])) }
    return form
  }

  /// `(layout, (indices, values, size, …))`, or for the compressed layouts `(layout, (…indices, …indices, values, size))`.
  private func sparse(_ values: [PickleGraph.ID], _ place: () -> String) throws(FormatError) -> TensorForm {
    guard case .object(let call) = pickle[values[0]], case .tuple(let names) = pickle[call.arguments],
      names.count == 1, case .string(let layout) = pickle[names[0]], case .tuple(let data) = pickle[values[1]]
    else {
      // A layout that was made in another way: the tensors are found as those of any other call.
      return TensorForm(parts: [("data", values[1])])
    }
    let parts: [String]
    switch layout {
    case "torch.sparse_coo": parts = ["indices", "values"]
    case "torch.sparse_csc", "torch.sparse_bsc": parts = ["ccol_indices", "row_indices", "values"]
    default: parts = ["crow_indices", "col_indices", "values"]
    }
    guard data.count > parts.count else {
      throw malformed(place(), "a tensor of layout \(layout) has \(data.count) parts")
    }
    return TensorForm(parts: Array(zip(parts, data)).map { (name: $0.0, id: $0.1) })
  }

  /// The tensors in `(scheme, scales, zero_points, axis)`.
  private func quantizerParts(_ id: PickleGraph.ID) -> [(name: String, id: PickleGraph.ID)] {
    guard case .tuple(let values) = pickle[id], values.count == 4 else { return [] }
    return [("scales", values[1]), ("zero_points", values[2])]
  }

  /// A tuple, list or `torch.Size` of integers.
  private func sizes(_ id: PickleGraph.ID) -> [Int]? {
    var items: [PickleGraph.ID]
    switch pickle[id] {
    case .tuple(let values), .list(let values): items = values
    case .object(let object):
      guard pickle.global(at: object.callable) == PickleGlobal("torch", "Size"),
        case .tuple(let arguments) = pickle[object.arguments], arguments.count == 1,
        case .tuple(let values) = pickle[arguments[0]]
      else { return nil }
      items = values
    default: return nil
    }
    // PyTorch itself stops at 64 dimensions.
    guard items.count <= 64 else { return nil }
    var sizes: [Int] = []
    for item in items {
      guard case .int(let size) = pickle[item] else { return nil }
      sizes.append(Int(size))
    }
    return sizes
  }

  /// Whether `id` is None or an empty dictionary, ordered or not.
  private func isEmpty(_ id: PickleGraph.ID) -> Bool {
    switch pickle[id] {
    case .none: return true
    case .dict(let pairs): return pairs.isEmpty
    case .object(let object):
      guard pickle.global(at: object.callable) == PickleGlobal("collections", "OrderedDict"),
        case .tuple(let arguments) = pickle[object.arguments]
      else { return false }
      return arguments.isEmpty && object.pairs.isEmpty && object.items.isEmpty && object.state == nil
    default: return false
    }
  }

  private func malformed(_ place: String, _ problem: String) -> FormatError {
    FormatError(.pytorch, path: path, "tensor \(place): \(problem)")
  }
}
