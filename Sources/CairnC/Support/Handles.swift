import Cairn

/// Handles are retained objects behind opaque pointers.
enum Handle {
  /// Gives an object to the caller, who closes it.
  static func give<Object: AnyObject>(
    _ object: Object, _ result: UnsafeMutablePointer<OpaquePointer?>?, _ what: String
  ) throws {
    guard let result else { throw CairnError(.invalid, "\(what): there is nowhere to put it") }
    result.pointee = OpaquePointer(Unmanaged.passRetained(object).toOpaque())
  }

  /// The object behind a handle. That it is one of this type and still open is the caller's word.
  static func object<Object: AnyObject>(_ handle: OpaquePointer?, _: Object.Type) throws -> Object {
    guard let handle else { throw CairnError(.invalid, "the handle is NULL") }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
  }

  /// Lets go of the object behind a handle; nothing for NULL.
  static func close<Object: AnyObject>(_ handle: OpaquePointer?, _: Object.Type) {
    guard let handle else { return }
    Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).release()
  }
}

/// A file as an export would give it.
final class FileHandle: Sendable {
  let source: any ByteSource
  let checkpoint: CheckpointHandle

  init(_ source: any ByteSource, of checkpoint: CheckpointHandle) {
    self.source = source
    self.checkpoint = checkpoint
  }
}

/// Bytes of a storage in memory.
final class RegionHandle: Sendable {
  let region: MemoryRegion
  /// How many of its bytes count.
  let byteCount: Int

  init(_ region: MemoryRegion, byteCount: Int) {
    self.region = region
    self.byteCount = byteCount
  }
}
