import CairnCore

extension SaveRequest {
  /// Takes from a checkpoint what was read out of it and not given: step, epoch, metrics.
  mutating func complete(metadata: [String: JSONValue], metrics read: [String: Double]) {
    step = step ?? (metadata["global_step"] ?? metadata["step"])?.intValue
    epoch = epoch ?? metadata["epoch"]?.intValue
    metrics.merge(read) { given, _ in given }
  }
}
