import Cairn
import Foundation

/// What PyTorch or the safetensors package itself says of a fixture (Tests/Interop/listing.py).
struct Sidecar: Decodable {
  struct Tensor: Decodable {
    var name: String
    var dtype: String
    var shape: [Int]
    var strides: [Int]
    var storageOffset: Int
    var storageNbytes: Int
    var storage: Int?
    var storageSha256: String?
    var device: String?
    var insideObject: Bool?
  }

  struct Record: Decodable {
    var name: String
    var offset: Int
    var nbytes: Int
    var compressedNbytes: Int
    var sha256: String
  }

  var container: String
  var tensors: [Tensor]
  var records: [Record]?
  var metadata: [String: String]?

  init(of file: String) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Sidecar.self, from: contents(file + ".json"))
  }

  /// The state of the fixture as JSON. Not a member: the decoder's strategy would rename the keys in it too.
  static func values(of file: String) throws -> JSONValue? {
    try JSONValue(parsing: contents(file + ".json"))["values"]
  }

  /// The records that are storages, as they lie in the file.
  var storageRecords: [Record] {
    (records ?? []).filter {
      let parts = $0.name.split(separator: "/")
      return parts.count == 3 && parts[1] == "data" && $0.compressedNbytes == $0.nbytes
    }.sorted { $0.offset < $1.offset }
  }
}
