import Cairn
import Foundation

/// The checkpoints that the demonstration is given with.
struct SampleCheckpoints {
  /// Their paths, in the order that a reader would put them in.
  let files: [String]

  private static let suffixes = [".ckpt", ".pt", ".pth", ".safetensors"]
  private static let place = "Tests/Fixtures/finetune"

  /// Those in `folder`, or in the nearest `Tests/Fixtures/finetune` above the current directory.
  init(folder: String?) throws {
    let directory = try folder ?? Self.find()
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: directory)
    } catch {
      throw CairnError(.notFound, "\(directory): cannot be listed: \(error.localizedDescription)")
    }
    files = names.filter { name in Self.suffixes.contains { name.hasSuffix($0) } }
      .sorted { $0.compare($1, options: .numeric) == .orderedAscending }
      .map { directory + "/" + $0 }
    guard !files.isEmpty else {
      throw CairnError(
        .notFound, "\(directory): no checkpoints (\(Self.suffixes.joined(separator: ", ")))",
        advice: "name a folder that has some: cairn demo FOLDER")
    }
  }

  private static func find() throws -> String {
    var directory = PathName.absolute(".")
    while true {
      let candidate = (directory == "/" ? "" : directory) + "/" + place
      if FileManager.default.fileExists(atPath: candidate) { return candidate }
      guard directory != "/" else {
        throw CairnError(
          .notFound, "no \(place) in this directory or above",
          advice: "go to Cairn's source code, or name a folder with checkpoints: cairn demo FOLDER")
      }
      directory = PathName.absolute(directory + "/..")
    }
  }
}
