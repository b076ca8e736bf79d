import CairnCore
import Foundation

/// The JSON header of a safetensors file, as it is written there.
struct SafetensorsHeader: Decodable {
  struct Tensor {
    var dtype: String
    var shape: [Int]
    var begin: Int
    var end: Int
  }

  var metadata: [String: String] = [:]
  var tensors: [String: Tensor] = [:]
  /// How many members all objects had that were looked at: fewer than there are colons if a key came twice.
  private var memberCount = 0

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Reads the header; throws the reason why not, as a ``Problem``.
  init(parsing bytes: [UInt8]) throws {
    let colons = try SafetensorsHeader.memberCount(in: bytes)
    do {
      self = try JSONDecoder().decode(SafetensorsHeader.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw Problem(error)
    }
    guard memberCount == colons else { throw Problem(text: "its header names something twice") }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    memberCount = container.allKeys.count
    for key in container.allKeys {
      if key.stringValue == "__metadata__" {
        metadata = try container.decodeIfPresent([String: String].self, forKey: key) ?? [:]
        memberCount += metadata.count
        continue
      }
      let fields = try container.nestedContainer(keyedBy: Key.self, forKey: key)
      memberCount += fields.allKeys.count
      let offsets = try fields.decode([Int].self, forKey: Key(stringValue: "data_offsets"))
      guard offsets.count == 2 else {
        throw Problem(text: "tensor \(key.stringValue) has \(offsets.count) data offsets, not 2")
      }
      tensors[key.stringValue] = Tensor(
        dtype: try fields.decode(String.self, forKey: Key(stringValue: "dtype")),
        shape: try fields.decode([Int].self, forKey: Key(stringValue: "shape")), begin: offsets[0], end: offsets[1])
    }
  }

  /// What is wrong with a header.
  struct Problem: Error {
    var text: String

    init(text: String) { self.text = text }

    init(_ error: DecodingError) {
      let context: DecodingError.Context? =
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
          .dataCorrupted(let context):
          context
        @unknown default: nil
        }
      let place = context?.codingPath.map(\.stringValue).joined(separator: ", ") ?? ""
      text = "its header is not as it should be" + (place.isEmpty ? "" : " at \(place)")
      if let context { text += ": \(context.debugDescription)" }
    }
  }

  /// How many members the objects have in the first two levels, by counting colons.
  ///
  /// Foundation's decoder keeps one of two members of the same name and says nothing; here that must be an error, as
  /// upstream has it. A header has no third level of objects, no fractions and no negative numbers.
  private static func memberCount(in bytes: [UInt8]) throws -> Int {
    var colons = 0
    var depth = 0
    var inString = false
    var escaped = false
    for byte in bytes {
      if inString {
        if escaped {
          escaped = false
        } else if byte == UInt8(ascii: "\\") {
          escaped = true
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): inString = true
      case UInt8(ascii: ":"): colons += 1
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        guard depth <= 3 else { throw Problem(text: "its header is nested deeper than headers are") }
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"):
        throw Problem(text: "its header has a number that is negative or not whole")
      default: break
      }
    }
    return colons
  }
}
