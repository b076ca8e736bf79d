import Foundation
import Testing

/// What SwiftPM puts beside the tests that run, and how to compile for it.
private enum Built {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let header = root + "/Sources/CairnC/cairn.h"

  static var library: String? {
    let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    let candidates = [folder.path, Bundle.main.bundlePath].map { $0 + "/libCairnC.so" }
    return candidates.first { FileManager.default.fileExists(atPath: $0) }
  }

  static let compiler = ["cc", "clang", "gcc"].first { (try? run(["sh", "-c", "command -v \($0)"]))?.code == 0 }

  static var canCompile: Bool { library != nil && compiler != nil }

  static func run(_ arguments: [String]) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: output, as: UTF8.self))
  }
}

/// The header and the library, as others use them.
@Suite(.enabled(if: Built.canCompile, "no libCairnC.so beside the tests, or no C compiler"))
struct LibraryTests {
  @Test func aCProgramSavesAndLoads() throws {
    let scratch = try Scratch()
    let library = try #require(Built.library)
    let compiler = try #require(Built.compiler)
    let folder = URL(fileURLWithPath: library).deletingLastPathComponent().path
    let program = scratch.path + "/smoke"
    let source = Built.root + "/Tests/CairnCTests/smoke.c"
    let compiled = try Built.run([
      compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-I", Built.root + "/Sources/CairnC", source, "-o", program,
      "-L", folder, "-lCairnC", "-Wl,-rpath,\(folder)",
    ])
    #expect(compiled.code == 0, "\(compiled.output)")
    let ran = try Built.run([program, scratch.path + "/repository"])
    #expect(ran.code == 0)
    #expect(ran.output == "bytes of a storage\n")
  }

  /// Each function that the header declares is there, under that name, and none that it does not declare.
  @Test func headerAndLibraryAgree() throws {
    let header = try String(contentsOfFile: Built.header, encoding: .utf8)
    let declaration = /^[a-z].*?\b(cairn_[a-z_]+)\(/.anchorsMatchLineEndings()
    let declared = Set(header.matches(of: declaration).map { String($0.output.1) })
    #expect(declared.count > 30)
    let symbols = try Built.run(["nm", "-D", "-g", "--defined-only", try #require(Built.library)])
    let defined = symbols.output.split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) }
    #expect(Set(defined).isSuperset(of: declared))
    let map = try String(contentsOfFile: Built.root + "/Sources/CairnC/exports.map", encoding: .utf8)
    #expect(
      Set(map.matches(of: /^ *(cairn_[a-z_]+);$/.anchorsMatchLineEndings()).map { String($0.output.1) }) == declared)
  }
}
