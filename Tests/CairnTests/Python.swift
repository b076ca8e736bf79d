import Foundation

/// The tools under Tests/Interop, run by a Python that has PyTorch.
struct Python {
  /// The newest PyTorch, Lightning and safetensors; nil where the environment names none.
  static let newest = Python("CAIRN_TEST_PYTHON")
  /// PyTorch 1.13; nil where the environment names none.
  static let old = Python("CAIRN_TEST_PYTHON_OLD")

  struct Outcome: Decodable, Sendable {
    /// 0 equal, 1 different, 2 not to be read.
    var code: Int
    var output: String
  }

  private let executable: String

  private init?(_ variable: String) {
    guard let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty else { return nil }
    executable = path
  }

  /// Runs a tool once for each list of arguments, in one process: importing PyTorch takes seconds.
  func run(_ tool: String, _ arguments: [[String]], in scratch: Scratch) throws -> [Outcome] {
    let base = scratch.path + "/\(UInt64.random(in: .min ... .max))"
    try JSONEncoder().encode(arguments).write(to: URL(fileURLWithPath: base + ".in"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = ["-c", Self.script, Self.interop, tool, base + ".in", base + ".out"]
    process.environment = ProcessInfo.processInfo.environment.merging(["PYTHONDONTWRITEBYTECODE": "1"]) { $1 }
    try process.run()
    process.waitUntilExit()
    return try JSONDecoder().decode([Outcome].self, from: contents(base + ".out"))
  }

  private static let interop = Fixtures.directory + "/../Interop"

  private static let script = """
    import contextlib, importlib, io, json, sys
    folder, tool, source, target = sys.argv[1:]
    sys.path.insert(0, folder)
    module = importlib.import_module(tool)
    outcomes = []
    for arguments in json.load(open(source)):
        sys.argv = [tool] + arguments
        text = io.StringIO()
        code = 0
        with contextlib.redirect_stdout(text):
            try:
                module.main()
            except SystemExit as end:
                code = end.code or 0
                if isinstance(code, str):
                    print(code)
                    code = 1
        outcomes.append({"code": code, "output": text.getvalue()})
    json.dump(outcomes, open(target, "w"))
    """
}
