import GRDB

/// Whether an error says that the index's content is no good, rather than that it could not be read or written.
func isDamage(ofIndex error: any Error) -> Bool {
  if error is ByteReader.Malformed { return true }
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

/// Whether an error says that a disk or a quota is full.
func isNoSpace(_ error: any Error) -> Bool {
  (error as? DatabaseError)?.resultCode.primaryResultCode == .SQLITE_FULL || (error as? CairnError)?.kind == .noSpace
}
