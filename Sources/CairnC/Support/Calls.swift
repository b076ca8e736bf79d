import Cairn
import Glibc

/// Where a function puts a string that its caller frees.
public typealias StringResult = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

/// Does the work of one function: returns 0, or the code of what was thrown, which is then described in `error`.
func attempt(_ error: StringResult?, _ body: () throws -> Void) -> Int32 {
  error?.pointee = nil
  do {
    try body()
    return 0
  } catch let thrown {
    let code = ErrorCode(thrown)
    error?.pointee = try? copied(code.json)
    return code.code
  }
}

/// A string of the caller's. Throws if there is none, or if it is not UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws -> String {
  guard let pointer else { throw CairnError(.invalid, "\(what) is NULL") }
  guard let text = String(validatingCString: pointer) else { throw CairnError(.invalid, "\(what) is not UTF-8") }
  return text
}

/// Bytes in memory of the C library's, zero-terminated on top: `cairn_free` frees them.
func copied(_ bytes: some Collection<UInt8>) throws -> UnsafeMutableRawPointer {
  guard let memory = malloc(bytes.count + 1) else {
    throw CairnError(.io, "no memory for \(bytes.count) bytes")
  }
  let room = UnsafeMutableRawBufferPointer(start: memory, count: bytes.count + 1)
  room.copyBytes(from: bytes)
  room[bytes.count] = 0
  return memory
}

/// A value as JSON in memory of the C library's.
func copied(_ value: JSONValue) throws -> UnsafeMutablePointer<CChar> {
  try copied(value.serialized()).assumingMemoryBound(to: CChar.self)
}

/// Gives a value as JSON to a caller who wants it.
func give(_ value: JSONValue, _ result: StringResult?) throws {
  result?.pointee = nil
  if let result { result.pointee = try copied(value) }
}

/// A size or an offset of the caller's. Throws if it is beyond 2^63.
func size(_ value: UInt64, _ what: String) throws -> Int {
  guard let size = Int(exactly: value) else { throw CairnError(.invalid, "\(what) of \(value) bytes") }
  return size
}
