#if !FUZZ
  import Cairn
  import Foundation

  /// Without the fuzzer: gives files to a reader, or makes the files that the fuzzer starts from.
  ///
  ///     CairnFuzz replay READER FILE…
  ///     CairnFuzz seeds FIXTURES DIRECTORY
  @main
  struct FuzzReplay {
    static func main() throws {
      let arguments = Array(CommandLine.arguments.dropFirst())
      if arguments.count >= 2, arguments[0] == "replay", let reader = FuzzedReader(rawValue: arguments[1]) {
        for file in arguments.dropFirst(2) { reader.read(Array(try Data(contentsOf: URL(filePath: file)))) }
      } else if arguments.count == 3, arguments[0] == "seeds" {
        try FuzzSeeds(fixtures: arguments[1], directory: arguments[2]).write()
      } else {
        print("usage: CairnFuzz replay \(FuzzedReader.allCases.map(\.rawValue).joined(separator: "|")) FILE…")
        print("       CairnFuzz seeds FIXTURES DIRECTORY")
        exit(64)
      }
    }
  }
#endif
