import GRDB

/// Whether an error says that the index's content is no good, rather than that it could not be read or written.
func isDamage(ofIndex error: any Error) -> Bool {
  if error is ByteReader.Malformed { return true }
  guard let error = error as? DatabaseError else { return false }
  switch error.resultCode.primaryResultCode {
  case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_CONSTRAINT, .SQLITE_ERROR, .SQLITE_MISMATCH: return true
  default: return false
  }
}
