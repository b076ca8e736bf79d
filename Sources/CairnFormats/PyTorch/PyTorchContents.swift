import CairnCore

/// What the pickle of a PyTorch container (`data.pkl`) says: its storages, its tensors by name, its plain values.
///
/// **Names.** A tensor's name is the dotted path to it: through dictionaries by key, lists and tuples by position,
/// objects by attribute (`state_dict.layer1.0.weight`, `optimizer_states.0.state.3.exp_avg`). Keys other than strings
/// and integers are written as Python would (`None`, `True`, `(1, a)`). What an object's constructor was given is
/// below `args`, a state that is no dictionary below `state`. A tensor that is the whole state is called `tensor`. The
/// parts of a sparse tensor are `indices` and `values` below its name, those of a compressed one `crow_indices`,
/// `col_indices` (or `ccol_indices`, `row_indices`) and `values`; a channel-wise quantized one has `scales` and
/// `zero_points` besides itself. A tensor with several names is listed under each. Names are unique: the second of the
/// same name gets `#2` appended, the third `#3`. Keys over 1,024 bytes are cut.
public struct PyTorchContents: Sendable {
  /// A storage as the pickle refers to it.
  public struct StorageRef: Sendable, Hashable {
    /// Its name in the container: `data/<key>`.
    public var key: String
    /// The type of its elements; nil for untyped bytes.
    public var dtype: DType?
    /// The device that it was saved from: `cpu`, `cuda:0`.
    public var location: String
    /// How many elements it has (bytes, if untyped).
    public var elementCount: Int
    /// How many bytes it has.
    public var byteCount: Int
  }

  /// The value of a metric, or where to find it.
  public enum MetricValue: Sendable, Hashable {
    case number(Double)
    /// The value is the first element of this tensor.
    case tensor(TensorEntry)
  }

  /// The storages, unique by key, in the order in which the pickle names them first.
  public var storages: [StorageRef]
  /// The tensors; ``TensorEntry/storage`` is a position in ``storages``.
  public var tensors: [TensorEntry]
  /// The plain values at the top of the state, such as `epoch` and `hyper_parameters`; see ``PyTorchMetadata``.
  public var metadata: [String: JSONValue]
  /// The metrics of `ModelCheckpoint` callbacks that belong to this very file; see ``PyTorchMetrics``.
  public var metrics: [String: MetricValue]

  /// The epoch, if the state has one.
  public var epoch: Int? { metadata["epoch"]?.intValue }
  /// The training step: `global_step`, or else `step`.
  public var step: Int? { (metadata["global_step"] ?? metadata["step"])?.intValue }

  /// Reads the pickle of a container.
  ///
  /// - Parameters:
  ///   - pickle: The bytes of `data.pkl`.
  ///   - name: What to call it in errors.
  ///   - filePath: The path at which the checkpoint was saved, to find its own metrics by; nil for none.
  /// - Throws: ``FormatError`` if the pickle is broken, or a tensor in it is.
  public init(reading pickle: [UInt8], name: String, savedAs filePath: String?) throws(FormatError) {
    let graph = try PyTorchGraph(PickleReader.read(pickle, name: name), path: name)
    try self.init(graph, savedAs: filePath)
  }

  /// Reads a graph of a container's pickle.
  package init(_ graph: PyTorchGraph, savedAs filePath: String?) throws(FormatError) {
    var names = TensorNames(graph)
    try names.collect()
    storages = graph.storages
    tensors = names.entries
    metadata = PyTorchMetadata.of(graph, tensorHolders: names.holdsTensors)
    metrics = PyTorchMetrics.of(graph, savedAs: filePath, entries: names)
  }
}
