import Cairn
import Foundation

/// An event of `cairn watch`, as a line of JSON.
struct WatchEventView: Encodable {
  var event: String
  var time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  var directory: String?
  var mode: String?
  var interval: Double?
  var file: String?
  var id: String?
  var name: String?
  var path: String?
  var version: Int?
  var manifest: String?
  var size: Int?
  var newBytes: Int?
  var warnings: [String]?
  var reason: String?
  var error: String?
  var advice: String?
  var retry: Bool?
  var saved: Int?
  var failed: Int?

  init(_ event: WatchEvent) {
    switch event {
    case .watching(let directory, let polling):
      self.event = "watching"
      self.directory = directory
      mode = polling == nil ? "inotify" : "polling"
      interval = polling
    case .polling(let interval, let reason):
      self.event = "polling"
      self.interval = interval
      self.reason = reason
    case .rescanned: self.event = "rescanned"
    case .saved(let file, let report):
      self.event = "saved"
      self.file = file
      set(SaveView(report))
    case .unchanged(let file, let name): (self.event, self.file, self.name) = ("unchanged", file, name)
    case .waiting(let file, let reason): (self.event, self.file, self.reason) = ("waiting", file, reason)
    case .failed(let file, let failure, let isFinal):
      (self.event, self.file, reason) = ("failed", file, failure.message)
      error = failure.kind.rawValue
      advice = failure.advice.isEmpty ? nil : failure.advice
      retry = !isFinal
    case .replaced(let file, let name): (self.event, self.file, self.name) = ("replaced", file, name)
    case .kept(let file, let reason): (self.event, self.file, self.reason) = ("kept", file, reason)
    case .ignored(let file, let reason): (self.event, self.file, self.reason) = ("ignored", file, reason)
    case .gone(let file): (self.event, self.file) = ("gone", file)
    case .stopped(let saved, let failed): (self.event, self.saved, self.failed) = ("stopped", saved, failed)
    }
  }

  private mutating func set(_ view: SaveView) {
    id = view.id
    name = view.name
    path = view.path
    version = view.version
    manifest = view.manifest
    size = view.size
    newBytes = view.newBytes
    warnings = view.warnings
  }
}
