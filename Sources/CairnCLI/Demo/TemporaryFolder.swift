import Cairn
import Foundation

/// A new folder of this process, which goes in the end unless it is to be kept.
struct TemporaryFolder {
  let path: String
  let keep: Bool

  init(keep: Bool) throws {
    self.keep = keep
    let pattern = FileManager.default.temporaryDirectory.path + "/cairn-demo-XXXXXX"
    var bytes = Array(pattern.utf8CString)
    guard mkdtemp(&bytes) != nil else {
      throw CairnError(.io, "\(pattern): cannot make the folder: \(String(cString: strerror(errno)))")
    }
    path = String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func remove() {
    if !keep { try? FileManager.default.removeItem(atPath: path) }
  }
}
