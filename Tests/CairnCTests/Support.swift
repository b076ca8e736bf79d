import Cairn
import Foundation
import Testing

@testable import CairnC

/// A directory of a test's own, removed when the last reference to it goes.
final class Scratch: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/cairn-test-\(UInt64.random(in: .min ... .max))"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// What a function returned, and the error it gave.
struct Failure: Error {
  var code: Int32
  var error: JSONValue
}

private func taken(_ text: UnsafeMutablePointer<CChar>?) throws -> JSONValue {
  let text = try #require(text)
  defer { freeMemory(text) }
  return try JSONValue(parsing: String(cString: text).utf8)
}

/// Calls a function that gives nothing.
func call(_ body: (StringResult) -> Int32) throws {
  var error: UnsafeMutablePointer<CChar>?
  let code = body(&error)
  if code != 0 { throw Failure(code: code, error: try taken(error)) }
  #expect(error == nil)
}

/// Calls a function that gives JSON.
func json(_ body: (StringResult, StringResult) -> Int32) throws -> JSONValue {
  var result: UnsafeMutablePointer<CChar>?
  try call { body(&result, $0) }
  return try taken(result)
}

/// Calls a function that gives a handle.
func handle(_ body: (UnsafeMutablePointer<OpaquePointer?>, StringResult) -> Int32) throws -> OpaquePointer {
  var result: OpaquePointer?
  try call { body(&result, $0) }
  return try #require(result)
}

/// The code that a function fails with; 0 if it does not.
func code(_ body: () throws -> Void) throws -> Int32 {
  do {
    try body()
    return 0
  } catch let failure as Failure {
    #expect(failure.error["message"]?.stringValue?.isEmpty == false)
    return failure.code
  }
}

extension JSONValue {
  var text: String { stringValue ?? "" }
  var items: [JSONValue] { if case .array(let items) = self { items } else { [] } }
}

/// A repository behind a handle, with chunks of 64 KiB.
func newRepository(_ scratch: Scratch) throws -> OpaquePointer {
  try handle { initialize(scratch.path + "/.cairn", #"{"chunk_size": 65536}"#, $0, $1) }
}

/// Saves storages and a skeleton.
@discardableResult
func save(
  _ repository: OpaquePointer, _ storages: [[UInt8]], skeleton: [UInt8], _ request: String
) throws -> JSONValue {
  let save = try handle { saveBegin(repository, $0, $1) }
  defer { saveAbort(save) }
  var memory: [UnsafeMutableRawPointer] = []
  defer { memory.forEach { free($0) } }
  for (key, bytes) in storages.enumerated() {
    memory.append(try copied(bytes))
    try call { saveAddStorage(save, String(key), memory[key], UInt64(bytes.count), $0) }
  }
  try call { saveSetSkeleton(save, skeleton, UInt64(skeleton.count), $0) }
  return try json { saveCommit(save, request, $0, $1) }
}

/// The bytes of storages, mapped or copied.
func regions(_ checkpoint: OpaquePointer, _ keys: [String], copy: Bool) throws -> [[UInt8]] {
  let names = keys.map { strdup($0) }
  defer { names.forEach { free($0) } }
  var regions = [OpaquePointer?](repeating: nil, count: keys.count)
  // Each storage's region, offset and length: `cairn_place`.
  var places = [UInt64](repeating: 0, count: 3 * keys.count)
  var count: UInt64 = 0
  try places.withUnsafeMutableBytes { room in
    try call { error in
      checkpointMapAll(
        checkpoint, names.map { UnsafePointer($0) }, UInt64(keys.count), copy ? 1 : 0, room.baseAddress, &regions,
        &count, error)
    }
  }
  let given = try regions.prefix(Int(count)).map { try #require($0) }
  defer { given.forEach { regionClose($0) } }
  return keys.indices.map { index in
    let (region, offset, length) = (given[Int(places[3 * index])], places[3 * index + 1], places[3 * index + 2])
    return Array(
      UnsafeRawBufferPointer(
        rebasing: UnsafeRawBufferPointer(start: regionBytes(region), count: Int(regionLength(region)))[
          Int(offset)..<Int(offset + length)]))
  }
}

func skeleton(_ checkpoint: OpaquePointer) throws -> [UInt8] {
  var bytes: UnsafeMutableRawPointer?
  var length: UInt64 = 0
  try call { checkpointSkeleton(checkpoint, &bytes, &length, $0) }
  let memory = try #require(bytes)
  defer { freeMemory(memory) }
  return Array(UnsafeRawBufferPointer(start: memory, count: Int(length)))
}

/// Bytes that a seed gives, different for different seeds.
func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state >> 24)
  }
}
