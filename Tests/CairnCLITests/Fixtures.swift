import Foundation

/// The files under Tests/Fixtures.
enum Fixtures {
  static let path =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    + "/Fixtures"

  static let finetune = [8, 16, 24, 32, 40].enumerated().map { "finetune/epoch=\($0.offset)-step=\($0.element).ckpt" }
}

extension Program {
  /// Copies a fixture into the test's directory, under its own name or another.
  func add(_ fixture: String, as name: String? = nil) throws {
    let destination = name ?? URL(fileURLWithPath: fixture).lastPathComponent
    let parent = URL(fileURLWithPath: path + "/" + destination).deletingLastPathComponent().path
    try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Fixtures.path + "/" + fixture, toPath: path + "/" + destination)
  }
}
