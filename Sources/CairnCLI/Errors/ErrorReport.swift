import Cairn
import Foundation

/// What is said of an error, on standard error.
enum ErrorReport {
  static func text(_ error: any Error, style: Style) -> String {
    let head = style.red("error:")
    guard let error = error as? CairnError else {
      // Foundation's describe themselves by domain and code.
      let message = error is CocoaError || error is POSIXError ? error.localizedDescription : "\(error)"
      return "\(head) \(printable(message))\n"
    }
    var text = "\(head) \(printable(error.message))\n"
    if let excerpt = error.excerpt { text += Excerpt(excerpt).text(width: Terminal.error.width ?? 80, style: style) }
    if !error.advice.isEmpty {
      let hint = wrapped("hint: " + printable(error.advice), to: Terminal.error.width, indent: "      ")
      text += style.bold("hint:") + hint.dropFirst("hint:".count) + "\n"
    }
    return text
  }
}
