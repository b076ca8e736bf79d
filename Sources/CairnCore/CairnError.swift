import Glibc

/// What went wrong, with which path, and what can be done about it.
public struct CairnError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is: what a program decides by, and the command line's exit code follows from.
  public enum Kind: String, Sendable {
    /// There is no repository at the path.
    case notARepository
    /// There is a repository at the path already, or something else where one should be made.
    case alreadyExists
    /// The repository, its index or its log was made by a newer Cairn.
    case newerFormat
    /// A file of the repository (configuration, log, index, manifest, blob) is not what was written.
    case damaged
    /// A file that a checkpoint needs is not there.
    case missing
    /// No such checkpoint, run or tag.
    case notFound
    /// The checkpoint was there and has been removed.
    case removed
    /// A name, number or option that cannot be used.
    case invalid
    /// Permissions or a read-only filesystem keep the repository from being written.
    case readOnly
    /// The disk or the quota is full.
    case noSpace
    /// Another failure of the operating system.
    case io
    /// A source changed while it was being read.
    case changed
    /// The filesystem cannot serve (its locks are local to one host).
    case unsupportedFilesystem
    /// The log's last line may or may not be durable: the next command on the repository decides.
    case outcomeOpen
    /// The repository belongs to another user and is not on the trusted list.
    case untrusted
    /// A backup holds what the repository does not, or is of another history.
    case diverged
    /// Who asked for it has called it off; nothing has changed.
    case cancelled
  }

  /// What kind of failure it is.
  public var kind: Kind
  /// What happened, to which path.
  public var message: String
  /// What the user can do; empty if there is nothing to say.
  public var advice: String
  /// The blob that is missing or damaged, if it is one.
  public var blob: Digest?
  /// The place in a text of the user's that is wrong, if it is one.
  public var excerpt: Excerpt?

  /// A place in a text that was to be read.
  public struct Excerpt: Sendable, Hashable {
    /// The text.
    public var text: String
    /// The place, in bytes of UTF-8; empty at the end of the text.
    public var range: Range<Int>
  }

  /// Makes an error from its parts.
  public init(_ kind: Kind, _ message: String, advice: String = "") {
    self.kind = kind
    self.message = message
    self.advice = advice
  }

  public var description: String { advice.isEmpty ? message : "\(message) (\(advice))" }

  /// A failed call of the operating system; `code` is its `errno`.
  public static func system(_ operation: String, _ path: String, _ code: Int32 = errno) -> CairnError {
    let reason = String(cString: strerror(code))
    let message = "\(path): cannot \(operation): \(reason)"
    switch code {
    case ENOSPC, EDQUOT:
      return CairnError(.noSpace, message, advice: "free some space, for example with `cairn gc`, and try again")
    case EROFS, EACCES, EPERM:
      return CairnError(.readOnly, message, advice: "check the permissions of the repository's directory")
    case ENOENT: return CairnError(.missing, message)
    default: return CairnError(.io, message)
    }
  }

  static func damaged(_ path: String, _ problem: String, advice: String = "run `cairn verify`") -> CairnError {
    CairnError(.damaged, "\(path): damaged: \(problem)", advice: advice)
  }
}
