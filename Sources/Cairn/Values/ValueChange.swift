/// How far the values of a tensor have moved from one checkpoint to another.
public struct ValueChange: Sendable, Hashable {
  /// How many elements there are; of types whose elements are parts of bytes, or that are not known, bytes.
  public var count: Int
  /// How many of them are not the same: by their bits, so that 0 and -0 differ, and two NaNs do not if they are the same
  /// one; where the types differ, by their values.
  public var changedCount: Int
  /// Whether bytes were counted instead of elements: then nothing else is known.
  public var countsBytes: Bool
  /// The largest |b − a| of an element, the modulus for complex ones; over those that are finite in both. Nil for bytes.
  public var maximumDifference: Double?
  /// ‖b − a‖ / ‖a‖ in the Euclidean norm, over the elements that are finite in both; infinite if a is 0 and b is not.
  /// Nil for bytes.
  public var relativeDifference: Double?
  /// Elements that are NaN in b and are not in a.
  public var newNaNCount: Int
  /// Elements that are infinite in b and are not in a.
  public var newInfinityCount: Int

  /// Which part of the elements (or bytes) is not the same, from 0 to 1.
  public var changedShare: Double { count == 0 ? 0 : Double(changedCount) / Double(count) }
}
