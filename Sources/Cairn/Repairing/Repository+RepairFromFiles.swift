import CairnCore
import CairnFormats

extension Repository {
  /// Verifies, and puts back what is missing or was set aside from files that have the same bytes: a copy of the
  /// checkpoint somewhere else, an export of it, another checkpoint that shares some of its tensors.
  ///
  /// - Parameter files: Files, or directories as `save` takes them. They are only read.
  ///
  /// Throws ``CairnError`` if a file cannot be read, or changes meanwhile.
  public func verify(_ options: VerifyOptions, repairingFrom files: [String]) throws -> VerifyReport {
    var report = try verify(options)
    let isHurt = report.problems.contains { !$0.hurts.isEmpty }
    guard isHurt, !files.isEmpty else { return report }
    var sum = 0
    for file in files {
      let count = try heal(fromFile: file)
      sum += count
      report.repaired.append("\(file): \(count) missing blob\(count == 1 ? "" : "s") put back from it")
    }
    guard sum > 0 else { return report }
    // What was read is read: what was bad is set aside, and so missing where it was not put back.
    var again = VerifyOptions()
    again.repair = options.repair
    let rest = try verify(again)
    report.problems = rest.problems
    report.repaired += rest.repaired
    return report
  }

  private func heal(fromFile path: String) throws -> Int {
    do {
      do {
        let count = try heal(from: FileContentBuilder(filesAt: path, opaque: false).content(), called: path)
        if count > 0 { return count }
      } catch let error as CairnError where error.kind == .damaged {
        // A file that is no checkpoint may have been saved as it is.
      }
      return try heal(from: FileContentBuilder(filesAt: path, opaque: true).content(), called: path)
    } catch let error as FileSourceError {
      throw CairnError(error)
    }
  }
}
