import Cairn
import Glibc

/// The version of the binary interface; as in the header.
@c(cairn_abi_version)
public func abiVersion() -> Int32 { 1 }

/// The version of the library.
@c(cairn_version)
public func version() -> UnsafePointer<CChar>? {
  UnsafeRawPointer(versionText.utf8Start).assumingMemoryBound(to: CChar.self)
}

private let versionText: StaticString = "0.1.0"

/// Frees memory that a function gave.
@c(cairn_free)
public func freeMemory(_ memory: UnsafeMutableRawPointer?) { free(memory) }

/// Sets who is told what the library has to say while it works; NULL for nobody.
@c(cairn_set_log_callback)
public func setLogCallback(_ function: LogFunction?) { CallbackLog.set(function) }
