extension SafetensorsWriter {
  /// Whether safetensors has this element type.
  public static func holds(_ dtype: DType) -> Bool { SafetensorsDType(dtype) != nil }
}
