import CairnCore
import CairnFormats
import Foundation
import Glibc

extension Repository {
  /// Saves a file, or a directory as one checkpoint of many files.
  ///
  /// What the request does not give of step, epoch and metrics is taken from the checkpoint: its `global_step` and
  /// `epoch`, and of a Lightning callback the metric that belongs to this very file.
  ///
  /// - Parameters:
  ///   - path: A regular file, or a directory: in it links to files are followed, and empty directories are not kept.
  ///   - opaque: Take the bytes without looking into them.
  ///
  /// Throws ``CairnError`` if a file is broken, changes while it is read, or is neither file nor directory.
  public func save(file path: String, _ request: SaveRequest, opaque: Bool = false) throws -> SaveReport {
    do {
      return try save(filesAt: path, request, opaque: opaque)
    } catch let error as FileSourceError {
      throw CairnError(error)
    }
  }

  private func save(filesAt path: String, _ request: SaveRequest, opaque: Bool) throws -> SaveReport {
    let builder = try FileContentBuilder(filesAt: path, opaque: opaque)
    let content = builder.content()
    var request = request
    request.complete(metadata: content.metadata, metrics: builder.metrics)
    return try save(content, request)
  }
}

extension FileContentBuilder {
  /// A process may have 1,024 by default, and needs some for itself.
  private static let mostOpenFiles = 200

  /// Looks into a file, or into all files of a directory.
  init(filesAt path: String, opaque: Bool) throws {
    self.init()
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CairnError(.missing, "\(path): no such file or directory")
    }
    if isDirectory.boolValue {
      let names = try DirectoryWalk.files(in: path)
      guard !names.isEmpty else { throw CairnError(.invalid, "\(path): there are no files in this directory") }
      for name in names {
        // A distributed checkpoint's data files begin as zip archives, and are many of them in one.
        let isPart = name.hasSuffix(".distcp")
        let file = try CheckpointFile(
          path: path + "/" + name, opaque: opaque || isPart, keepsOpen: names.count <= Self.mostOpenFiles)
        try add(file, as: name)
      }
      directory = (path, names)
    } else {
      try add(try CheckpointFile(path: path, opaque: opaque), as: "")
    }
  }
}

extension CairnError {
  /// What is wrong with a file that is being saved.
  init(_ error: FileSourceError) {
    switch error {
    case .cannotOpen(_, ENOENT): self.init(.missing, error.description)
    case .notARegularFile: self.init(.invalid, error.description)
    case .cannotOpen, .cannotRead: self.init(.io, error.description)
    case .cutShort, .changedWhileRead:
      self.init(.changed, error.description, advice: "nothing was saved; save it once it is complete")
    }
  }
}
