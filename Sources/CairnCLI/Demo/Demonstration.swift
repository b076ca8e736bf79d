import Cairn
import Foundation

/// What `cairn demo` does, step by step.
struct Demonstration {
  private let samples: SampleCheckpoints
  private let place: TemporaryFolder
  private let console: Console
  private let repository: Repository

  init(samples: SampleCheckpoints, place: TemporaryFolder, console: Console) throws {
    self.samples = samples
    self.place = place
    self.console = console
    repository = try Repository.initialize(
      place.path + "/" + Repository.directoryName, logger: RepositoryOptions.logger(console))
  }

  func perform() throws -> DemoReport {
    let saved = try save()
    let stats = try repository.stats()
    try console.message(
      "\(console.sizes.text(stats.logicalBytes)) of checkpoints take \(console.sizes.text(stats.storedBytes))"
        + (sharing(logical: stats.logicalBytes, stored: stats.storedBytes).map { ", \($0)" } ?? "") + "\n")
    let restored = try restoreLast(saved)
    let removal = try repository.remove(PathName(path: saved[0].path, version: saved[0].version))
    try console.message(
      "removed \(printable(saved[0].name)): \(console.sizes.text(saved[0].size)), of which "
        + "\(console.sizes.text(removal.freed.bytes)) were needed by nothing else and are free")
    console.warn(removal.warnings)
    var options = VerifyOptions()
    options.readData = true
    let problems = try repository.verify(options).problems.count
    try console.message(
      "checked what is left: " + (problems == 0 ? console.style.green("all is well") : counted(problems, "problem")))
    if place.keep { try console.message("\nthe repository is \(printable(repository.path))") }
    return DemoReport(
      repository: place.keep ? repository.path : nil, saved: saved, logicalBytes: stats.logicalBytes,
      storedBytes: stats.storedBytes, restored: restored, removed: removal.removed,
      freedBytes: removal.freed.bytes, problems: problems)
  }

  private func save() throws -> [SaveView] {
    var saved: [SaveView] = []
    var table = Table([
      Table.Column(title: "saved", minimum: 12, truncation: .head),
      Table.Column(title: "size", alignment: .right),
      Table.Column(title: "new", alignment: .right),
      Table.Column(title: "shared", alignment: .right),
    ])
    for file in samples.files {
      var request = SaveRequest(path: file.split(separator: "/").last.map(String.init) ?? file)
      request.run = "demo"
      let progress = console.progress("saving \(request.path)")
      defer { progress.finish() }
      request.progress = { progress.update($0, $1) }
      let report = try repository.save(file: file, request)
      progress.finish()
      console.warn(report.warnings)
      saved.append(SaveView(report, file: file))
      let shared = report.size > 0 ? Int(Double(max(report.size - report.newBytes, 0)) / Double(report.size) * 100) : 0
      table.add([
        Table.Cell("\(report.path)@\(report.version)", .name),
        Table.Cell(console.sizes.text(report.size)),
        Table.Cell(console.sizes.text(report.newBytes)),
        Table.Cell("\(shared) %"),
      ])
    }
    try console.message(table.text(width: Terminal.output.width, style: console.style))
    return saved
  }

  private func restoreLast(_ saved: [SaveView]) throws -> DemoReport.Restored {
    let last = saved[saved.count - 1]
    let copy = place.path + "/restored"
    let report = try repository.restore(PathName(path: last.path, version: last.version), to: copy)
    let original = try Self.digest(samples.files[samples.files.count - 1])
    let restored = try Self.digest(copy)
    let identical = original == restored
    try console.message("restored \(printable(report.checkpoint))")
    try console.message("  original  \(original)")
    try console.message(
      "  restored  \(restored)  " + (identical ? console.style.green("identical") : console.style.red("DIFFERENT"))
        + "\n")
    try FileManager.default.removeItem(atPath: copy)
    return DemoReport.Restored(checkpoint: report.checkpoint, sha256: restored.hex, identical: identical)
  }

  private static func digest(_ path: String) throws -> Digest {
    let content = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    return content.withUnsafeBytes { Digest(hashing: $0) }
  }
}
