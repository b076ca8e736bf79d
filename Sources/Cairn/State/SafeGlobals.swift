/// The classes and functions of a state that is only weights, after PyTorch's list (torch/_weights_only_unpickler.py,
/// `_get_allowed_globals`), and the harmless built-in types.
enum SafeGlobals {
  /// Whether a call of `global` makes a value that is allowed.
  static func makesValues(_ global: PickleGlobal) -> Bool {
    switch global.module {
    case "torch._utils": rebuilders.contains(global.name)
    case "torch._tensor": global.name == "_rebuild_from_type_v2"
    case "torch": ["Size", "device"].contains(global.name)
    case "torch.serialization": global.name == "_get_layout"
    case "collections": ["OrderedDict", "Counter"].contains(global.name)
    case "_codecs": global.name == "encode"
    case "builtins": ["bytearray", "bytes", "set", "frozenset", "complex"].contains(global.name)
    default: false
    }
  }

  /// Whether `global` is allowed as a value of its own: what can be called, element types, and the names that tensors
  /// are rebuilt with.
  static func contains(_ global: PickleGlobal) -> Bool {
    if makesValues(global) { return true }
    switch (global.module, global.name) {
    case ("torch", let name):
      return DType(rawValue: name) != nil || DType(storageClass: name) != nil || quantization.contains(name)
        || name == "Tensor"
    case ("torch.storage", "UntypedStorage"), ("torch.nn.parameter", "Parameter"): return true
    default: return false
    }
  }

  private static let rebuilders: Set<String> = [
    "_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_tensor",
    "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor",
    "_rebuild_meta_tensor_no_storage", "_rebuild_wrapper_subclass", "_rebuild_device_tensor_from_numpy",
    "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_nested_tensor",
  ]

  private static let quantization: Set<String> = [
    "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine", "per_channel_symmetric",
    "per_channel_affine_float_qparams",
  ]
}
