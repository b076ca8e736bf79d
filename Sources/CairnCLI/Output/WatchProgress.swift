import Synchronization

/// A progress bar for each file that a watch saves, one after the other.
final class WatchProgress: Sendable {
  private struct Shown {
    var file: String
    var bar: ProgressBar
  }

  private let console: Console
  private let shown = Mutex<Shown?>(nil)

  init(_ console: Console) { self.console = console }

  /// `done` of `total` bytes of a file are done; may be called from any thread.
  func update(_ file: String, _ done: Int, _ total: Int) {
    let bar = shown.withLock { shown -> ProgressBar in
      if let shown, shown.file == file { return shown.bar }
      shown?.bar.finish()
      let bar = console.progress("saving \(file)")
      shown = Shown(file: file, bar: bar)
      return bar
    }
    bar.update(done, total)
  }

  /// Takes the bar away, if there is one.
  func finish() {
    shown.withLock {
      $0?.bar.finish()
      $0 = nil
    }
  }
}
