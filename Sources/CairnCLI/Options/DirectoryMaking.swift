import Cairn
import Foundation

/// Makes a directory and those above it that are not there.
func makeDirectories(_ path: String) throws {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw CairnError(.io, "\(path): cannot make the directory: \(error.localizedDescription)")
  }
}
