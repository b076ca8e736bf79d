import Foundation
import Synchronization

/// A line on standard error that shows how far something is, and goes when it is done.
///
/// It appears only once that takes a while, and is drawn a few times a second at most.
final class ProgressBar: Sendable {
  private struct State {
    var drawn: ContinuousClock.Instant?
    var finished = false
  }

  private static let patience = Duration.milliseconds(400)
  private static let interval = Duration.milliseconds(100)

  /// What is counted.
  enum Unit {
    case bytes
    case things
  }

  private let title: String
  private let unit: Unit
  private let visible: Bool
  private let style: Style
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(title: String, unit: Unit, visible: Bool, style: Style) {
    self.title = title
    self.unit = unit
    self.visible = visible
    self.style = style
  }

  /// `done` of `total` are done; may be called from any thread.
  func update(_ done: Int, _ total: Int) {
    guard visible else { return }
    state.withLock { state in
      let now = ContinuousClock.now
      guard !state.finished, now - start >= Self.patience else { return }
      if let drawn = state.drawn, now - drawn < Self.interval { return }
      state.drawn = now
      Terminal.error.tryWrite("\r" + line(done, total, elapsed: now - start) + "\u{1B}[K")
    }
  }

  /// Takes the line away. Nothing is drawn after that.
  func finish() {
    state.withLock { state in
      state.finished = true
      if state.drawn != nil { Terminal.error.tryWrite("\r\u{1B}[K") }
      state.drawn = nil
    }
  }

  private func line(_ done: Int, _ total: Int, elapsed: Duration) -> String {
    let fraction = total > 0 ? min(max(Double(done) / Double(total), 0), 1) : 0
    let seconds = max(Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18, 1e-3)
    let rate = Sizes.human(Int(min(Double(max(done, 0)) / seconds, 1e18)))
    let percent = "\(Int(fraction * 100)) %"
    let numbers =
      switch unit {
      case .bytes: "\(percent)  \(Sizes.human(done)) of \(Sizes.human(total))  \(rate)/s"
      case .things: "\(percent)  \(done) of \(total)"
      }
    // One column stays free: writing to the last one makes some terminals go to the next line.
    let room = (Terminal.error.width ?? 80) - 1
    let barWidth = min(24, room - columns(of: numbers) - min(columns(of: title), 20) - 4)
    guard barWidth >= 8 else { return truncated("\(title)  \(numbers)", to: max(room, 1)) }
    let filled = Int(fraction * Double(barWidth))
    let bar = String(repeating: "━", count: filled)
    let rest = String(repeating: "─", count: barWidth - filled)
    let name = truncated(title, to: room - columns(of: numbers) - barWidth - 4)
    return "\(name)  \(style.green(bar))\(style.dim(rest))  \(numbers)"
  }
}
