/// What a tensor's values are like.
///
/// Minimum, maximum, mean, standard deviation and histogram are of the finite elements; of complex ones, of their
/// moduli. Integers of 64 bits are rounded to `Double`.
public struct TensorSummary: Sendable, Hashable {
  /// Its name.
  public var name: String
  /// The element type, by PyTorch's name.
  public var dtype: String
  /// Elements along each dimension.
  public var shape: [Int]
  /// The bytes of its elements.
  public var bytes: Int
  /// How many elements there are; nil where elements are parts of bytes or of a type that is not known: then nothing
  /// else is known either.
  public var count: Int?
  /// Elements that are NaN.
  public var nanCount = 0
  /// Elements that are infinite.
  public var infinityCount = 0
  /// Elements that are 0.
  public var zeroCount = 0
  /// The least.
  public var minimum: Double?
  /// The greatest.
  public var maximum: Double?
  /// The arithmetic mean.
  public var mean: Double?
  /// The standard deviation of the population, as NumPy's (PyTorch's divides by one less).
  public var standardDeviation: Double?
  /// How the finite elements are spread from the least to the greatest; empty if there are none.
  public var histogram: [Bin] = []

  /// The elements in a part of the range.
  public struct Bin: Sendable, Hashable {
    /// Where it begins.
    public var from: Double
    /// Where it ends: belongs to the next bin, and to the last one. Integers that have a bin each begin and end it.
    public var to: Double
    /// How many elements lie in it.
    public var count: Int
  }

  /// Which part of the elements is 0, from 0 to 1; nil if there are none.
  public var zeroShare: Double? {
    guard let count, count > 0 else { return nil }
    return Double(zeroCount) / Double(count)
  }
}
