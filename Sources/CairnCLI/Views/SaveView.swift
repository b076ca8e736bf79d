import Cairn

/// What a save has done, in JSON.
struct SaveView: Encodable {
  var id: String
  var name: String
  var path: String
  var version: Int
  var manifest: String
  var size: Int
  var newBytes: Int
  var warnings: [String]
  /// The file that was saved, or the pointer that was made; absent for a copy in the repository.
  var file: String?

  init(_ report: SaveReport, file: String? = nil) {
    id = report.id
    name = "\(report.path)@\(report.version)"
    path = report.path
    version = report.version
    manifest = report.manifest.hex
    size = report.size
    newBytes = report.newBytes
    warnings = report.warnings
    self.file = file
  }
}
