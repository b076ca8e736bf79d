import ArgumentParser
import Foundation
import Glibc

/// `cairn-bench peers`
struct Peers: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure Cairn beside what its users would pick instead.",
    discussion: """
      Runs Sources/Benchmarks/Peers in Python: Cairn, TorchCheckpointIO, torch.save, safetensors, \
      torch.distributed.checkpoint, restic, borg and DVC, in turn in the same run; those that are not installed are \
      left out, and named. It prints times, ratios and bars, and ends with 1 if a bar is missed.

      What follows goes to it: --size MiB, --rounds N, --only NAME,NAME, --list, --directory DIR, --full-cache, \
      --json FILE, --svg FILE.
      """)

  @Option(help: "A Python that has PyTorch, Lightning and safetensors; CAIRN_TEST_PYTHON if it is not given.")
  var python: String?
  @Option(help: "The directory of Package.swift.") var package = "."
  @Option(help: "libCairnC.so; built if it is not given.") var library: String?
  @Argument(parsing: .allUnrecognized, help: "What the Python part takes.") var arguments: [String] = []

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    let python = python ?? environment["CAIRN_TEST_PYTHON"] ?? "python3"
    let library = try library ?? built()
    let program = Bundle.main.executableURL?.deletingLastPathComponent().appendingPathComponent("cairn").path
    guard let program, FileManager.default.isExecutableFile(atPath: program) else {
      throw BenchmarkError("there is no program cairn beside this one: swift build -c release --product cairn")
    }
    setenv("CAIRN_LIBRARY", absolute(library), 1)
    setenv("CAIRN_PROGRAM", program, 1)
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1)
    var words: [UnsafeMutablePointer<CChar>?] = ([python, package + "/Sources/Benchmarks/Peers"] + arguments)
      .map { strdup($0) }
    words.append(nil)
    execvp(python, &words)
    throw BenchmarkError("\(python): \(String(cString: strerror(errno)))")
  }

  /// Builds the library as it goes into the Python package.
  private func built() throws -> String {
    let output = package + "/.build/benchmark"
    let build = Process()
    build.executableURL = URL(fileURLWithPath: "/bin/sh")
    build.arguments = [package + "/Sources/Python/build_native.sh", output]
    try build.run()
    build.waitUntilExit()
    guard build.terminationStatus == 0 else { throw BenchmarkError("Sources/Python/build_native.sh failed") }
    return output + "/libCairnC.so"
  }

  private func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
}
