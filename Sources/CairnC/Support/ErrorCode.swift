import Cairn

/// The numbers that functions return, as the header lists them: part of the binary interface, never given anew.
struct ErrorCode {
  let code: Int32
  /// What the error's JSON calls it.
  let kind: String
  let message: String
  let advice: String
  /// Where in the caller's SQL or expression it is, in bytes of UTF-8.
  var offset: Int?

  init(_ error: any Error) {
    switch error {
    case let error as CairnError:
      self.init(Self.code(error.kind), error.kind.rawValue, error.message, error.advice)
      offset = error.excerpt?.range.lowerBound
    case let error as FormatError: self.init(100, "format", error.description)
    case let error as TensorError: self.init(100, "format", error.description)
    case let error as StateError: self.init(101, "state", error.description)
    case let error as FileSourceError: self.init(error)
    default: self.init(199, "other", "\(error)")
    }
  }

  private init(_ code: Int32, _ kind: String, _ message: String, _ advice: String = "") {
    self.code = code
    self.kind = kind
    self.message = message
    self.advice = advice
  }

  private init(_ error: FileSourceError) {
    let kind: CairnError.Kind
    switch error {
    case .cannotOpen(let path, let code), .cannotRead(let path, let code):
      kind = CairnError.system("read", path, code).kind
    case .notARegularFile: kind = .invalid
    case .cutShort, .changedWhileRead: kind = .changed
    }
    self.init(Self.code(kind), kind.rawValue, error.description)
  }

  private static func code(_ kind: CairnError.Kind) -> Int32 {
    switch kind {
    case .notARepository: 1
    case .alreadyExists: 2
    case .newerFormat: 3
    case .damaged: 4
    case .missing: 5
    case .notFound: 6
    case .removed: 7
    case .invalid: 8
    case .readOnly: 9
    case .noSpace: 10
    case .io: 11
    case .changed: 12
    case .unsupportedFilesystem: 13
    case .outcomeOpen: 14
    case .untrusted: 15
    case .diverged: 16
    case .cancelled: 102
    }
  }

  /// The error as functions give it.
  var json: JSONValue {
    var members: [String: JSONValue] = [
      "kind": .string(kind), "message": .string(message), "advice": .string(advice),
    ]
    if let offset { members["offset"] = JSONValue(offset) }
    return .object(members)
  }
}
