import GRDB

/// Whether an error says that the index's content is no good, rather than that it could not be read or written.
func isDamage(ofIndex error: any Error) -> Bool {
  // A list, a column, JSON that no Cairn writes.
  if error is ByteReader.Malformed || error is RowDecodingError || error is DecodingError { return true }
  guard let error = error as? DatabaseError else { return false }
  switch error.extendedResultCode {
  // Shorter than its header says; or a -wal or -shm that was unlinked under an open connection.
  case .SQLITE_IOERR_SHORT_READ, .SQLITE_IOERR_READ, .SQLITE_IOERR_SHMMAP, .SQLITE_IOERR_SHMSIZE,
    .SQLITE_IOERR_SHMOPEN:
    return true
  default:
    break
  }
  switch error.resultCode.primaryResultCode {
  case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CONSTRAINT, .SQLITE_ERROR, .SQLITE_MISMATCH: return true
  default: return false
  }
}

/// Whether an error says that a disk or a quota is full, as far as SQLite tells: a quota that is used up is to it like any
/// other failure to write.
func isNoSpace(_ error: any Error) -> Bool {
  if let error = error as? CairnError { return error.kind == .noSpace }
  guard let error = error as? DatabaseError else { return false }
  return error.resultCode.primaryResultCode == .SQLITE_FULL || error.extendedResultCode == .SQLITE_IOERR_WRITE
}

/// Whether an error says that a writer died in the middle of a transaction, which one who may write has to roll back.
func isUnfinishedTransaction(_ error: any Error) -> Bool {
  let code = (error as? DatabaseError)?.extendedResultCode
  return code == .SQLITE_READONLY_ROLLBACK || code == .SQLITE_READONLY_RECOVERY
}

/// Does something with the index at `path`: failures of its disk come out as errors that name it, SQLite's own do not.
func namingIndex<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
  do {
    return try body()
  } catch {
    throw named(error, index: path)
  }
}

/// The error as one that names the index, if it is one of SQLite's that says that the disk has failed.
func named(_ error: any Error, index path: String) -> any Error {
  if !(error is DatabaseError) && isDamage(ofIndex: error) {
    return CairnError.damaged(path, "a row in it cannot be read", advice: "run `cairn reindex`")
  }
  guard let error = error as? DatabaseError else { return error }
  let message = "\(path): \(error.message ?? "SQLite error \(error.extendedResultCode.rawValue)")"
  switch error.resultCode.primaryResultCode {
  case .SQLITE_FULL:
    return CairnError(.noSpace, message, advice: "free some space, for example with `cairn gc`, and try again")
  case .SQLITE_BUSY, .SQLITE_LOCKED:
    // Cairn's own processes take turns by a lock of their own.
    return CairnError(
      .io, "\(path): another program than Cairn keeps it locked", advice: "close what has it open, and try again")
  case .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_PROTOCOL, .SQLITE_NOMEM:
    return CairnError(.io, message)
  case .SQLITE_READONLY, .SQLITE_PERM:
    return CairnError(.readOnly, message, advice: "check the permissions of the repository's directory")
  case .SQLITE_ERROR where error.message?.hasPrefix("no such table") == true:
    // A file whose size cannot be read is an empty one to SQLite.
    return CairnError(.io, message)
  case .SQLITE_CORRUPT, .SQLITE_NOTADB:
    return CairnError.damaged(path, error.message ?? "it is no database", advice: "run `cairn reindex`")
  default: return error
  }
}
