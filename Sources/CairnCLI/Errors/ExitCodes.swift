import ArgumentParser
import Cairn

/// The exit codes of `cairn`: part of its interface, listed by `cairn --help`.
enum ExitStatus: Int32, CaseIterable {
  case success = 0
  case failure = 1
  case problemsFound = 2
  case notFound = 3
  case noRepository = 4
  case damaged = 5
  case newerFormat = 6
  case readOnly = 7
  case outcomeOpen = 8
  case usage = 64

  /// What it stands for, for the help.
  var meaning: String {
    switch self {
    case .success: return "done"
    case .failure: return "another failure: no space, an I/O error, something in the way"
    case .problemsFound: return "verify has found problems, or backup has: the repository lacks files"
    case .notFound: return "no such checkpoint, or one that was removed; no such file to save"
    case .noRepository: return "no repository, or one that belongs to another user and is not trusted"
    case .damaged: return "a file is damaged or missing: one of the repository, or one to be saved"
    case .newerFormat: return "the repository was made by a newer Cairn"
    case .readOnly: return "the repository or the destination cannot be written"
    case .outcomeOpen: return "the disk failed at the end: the next command shows whether it was done"
    case .usage: return "wrong usage, or a name or number that cannot be used"
    }
  }

  /// The table of codes for the help.
  static var list: String {
    allCases.map { status in
      let number = String(status.rawValue)
      return "  " + String(repeating: " ", count: 2 - number.count) + "\(number)  \(status.meaning)"
    }.joined(separator: "\n")
  }

  /// The code that ends the process for an error; nil for one that the argument parser knows how to report.
  init?(_ error: any Error) {
    switch error {
    case let error as CairnError: self.init(error.kind)
    case is FormatError, is TensorError: self = .damaged
    case is ExitCode, is ValidationError, is CleanExit: return nil
    default:
      // Help, and errors in the arguments, are of a type that the parser keeps to itself.
      let code = CairnCommand.exitCode(for: error)
      guard code != .success, code != .validationFailure else { return nil }
      self = .failure
    }
  }

  private init(_ kind: CairnError.Kind) {
    switch kind {
    case .alreadyExists, .noSpace, .io, .changed, .unsupportedFilesystem, .diverged, .cancelled:
      self = .failure
    case .notFound, .removed: self = .notFound
    case .notARepository, .untrusted: self = .noRepository
    case .damaged, .missing: self = .damaged
    case .newerFormat: self = .newerFormat
    case .readOnly: self = .readOnly
    case .outcomeOpen: self = .outcomeOpen
    case .invalid: self = .usage
    }
  }
}
