import CairnCore
import CairnFormats
import Foundation

extension Pointer {
  /// Puts a full file at `path`, as `files="full"` of the Python plugin does: the checkpoint as a PyTorch container, with
  /// one more record, which PyTorch does not look at, that says which version it is.
  func writeFull(_ stored: StoredCheckpoint, to path: String, overwrite: Bool) throws {
    guard case .state(let skeleton) = stored.manifest.content else { throw Self.noState(name) }
    let output = try Output(path, overwrite: overwrite)
    do {
      let file = try stored.container(
        of: skeleton, archiveName: PyTorchContainerWriter.archiveName(ofFile: output.destination),
        extra: [(Self.embeddedRecord, try pickle())])
      try FileRestorer(stored: stored, progress: nil).restore(
        file, to: output.temporary, done: 0, total: file.size, keepsTime: false)
      try output.publishFile()
    } catch {
      output.discard()
      throw error
    }
  }

  static func noState(_ name: String) -> CairnError {
    CairnError(
      .invalid, "\(name): was saved from a file, so there is no full file of it to be made",
      advice: "`cairn restore` gives the file back")
  }
}

extension PyTorchContainerWriter {
  /// As `torch.save` names the archive in a file: by the file's name without its ending.
  static func archiveName(ofFile path: String) -> String {
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    return stem.isEmpty ? "archive" : stem
  }
}
