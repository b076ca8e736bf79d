/// A file, or a part of one, that does not hold to its format.
public struct FormatError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The formats that Cairn reads.
  public enum Format: String, Sendable {
    case zip, pickle, pytorch, safetensors
  }

  /// The format that was broken.
  public var format: Format
  /// The file, as the source names it.
  public var path: String
  /// What is wrong, and where in the file if that is known.
  public var problem: String

  /// Makes an error from its parts.
  public init(_ format: Format, path: String, _ problem: String) {
    self.format = format
    self.path = path
    self.problem = problem
  }

  public var description: String { "\(path): not a valid \(format.rawValue) file: \(problem)" }
}
