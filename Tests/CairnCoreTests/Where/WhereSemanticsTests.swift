import Testing

@testable import CairnCore

@Suite struct WhereSemanticsTests {
  private static let texts = ["sweep-1", "sweep-2", "s", "", "it's", "模型"]

  /// Checkpoints with what names may stand for, of every type, in every place, or nowhere.
  static func seeded(_ repository: Repository, count: Int) throws {
    var random = SeededGenerator(seed: 3)
    func maybe<Value>(_ value: Value) -> Value? { Int.random(in: 0..<3, using: &random) > 0 ? value : nil }
    func any() -> JSONValue {
      switch Int.random(in: 0..<7, using: &random) {
      case 0: return .int(Int64.random(in: -2...3, using: &random))
      case 1: return .double(Double.random(in: -2...3, using: &random).rounded() / 4 + 0.125)
      case 2: return .bool(Bool.random(using: &random))
      case 3: return .null
      case 4: return .array([.int(1), .string("s"), .object(["x": .double(0.125)])])
      case 5: return .object(["b": .int(Int64.random(in: 0...2, using: &random))])
      default: return .string(texts.randomElement(using: &random) ?? "")
      }
    }
    for number in 0..<count {
      var request = SaveRequest(path: ["last", "best/s", "模型"].randomElement(using: &random) ?? "")
      request.run = maybe(texts.filter { !$0.isEmpty }.randomElement(using: &random) ?? "s")
      request.step = maybe(Int.random(in: 0...3, using: &random))
      request.epoch = maybe(Int.random(in: 0...3, using: &random))
      for name in ["val_loss", "train/loss", "a.b"] {
        request.metrics[name] = maybe(Double(Int.random(in: 0...4, using: &random)) / 4)
      }
      if number % 4 == 0 { request.tags = [["s", "sweep-1", "tag \(number)"].randomElement(using: &random) ?? "s"] }
      request.metadata["a"] = maybe(any())
      request.metadata["lr"] = maybe(any())
      request.metadata["flat.x"] = maybe(any())
      if number == 0 { request.metadata["only here"] = .string("s") }
      var extracted: [String: JSONValue] = ["step": .int(100)]
      extracted["lr"] = maybe(any())
      extracted["a"] = maybe(any())
      extracted["flat"] = maybe(.object(["x": any()]))
      let bytes = CheckpointContent(
        content: .state(skeleton: .inline([0x80, 2, 0x4E, 0x2E])), tensors: [], metadata: extracted, sources: [])
      _ = try repository.save(bytes, request)
    }
  }

  private static func names() throws -> [WhereName] {
    try [
      "step", "epoch", "version", "size", "run", "path", "name", "parent", "tag", "val_loss", "train/loss", "a.b",
      "metrics.val_loss",
      "a", "lr", "flat.x", "metadata.lr", "extracted.lr", "metadata.\"flat.x\"", "lr[0]", "lr[-1].x", "lr.b",
      "metadata.a.b", "extracted.step", "\"only here\"", "a[1]",
    ].map { try WhereName(parsing: $0) }
  }

  @Test func sqlSaysWhatTheDocumentationSays() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    try Self.seeded(repository, count: 40)
    let records = try repository.checkpoints()
    let metrics = Set(records.flatMap(\.metrics.keys))
    var random = RandomExpressions(seed: 7)
    random.names = try Self.names()
    random.literals =
      Self.texts.map { .text($0) } + [.bool(true), .bool(false)] + (-2...3).map { .int($0) }
      + [0.125, 0.25, 0.375, 0.5, 0.75].map { .double($0) }
    var (compiled, refused, matched) = (0, 0, 0)
    while compiled < 400 {
      let expression = random.expression(depth: 3)
      do {
        let found = try repository.checkpoints(where: expression.description).map(\.id)
        let expected = records.filter {
          NaiveEvaluator(record: $0, metrics: metrics).holds(expression) == true
        }.map(\.id)
        #expect(found == expected, "\(expression)")
        compiled += 1
        matched += found.isEmpty ? 0 : 1
      } catch let error as CairnError where error.excerpt != nil && !error.message.contains("nothing is called") {
        // A type that a column or metric does not have.
        refused += 1
        if refused > 100_000 { throw error }
      }
    }
    #expect(matched > compiled / 5)
  }

  @Test(arguments: ["loss", "-loss", "metadata.loss", "-metadata.loss"])
  func theFirstFewAreTheFirstOfAll(_ sort: String) throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for (number, loss) in [2, nil, 1, 2, 3, nil, 1].enumerated() as EnumeratedSequence<[Double?]> {
      var request = SaveRequest(path: "\(number)")
      request.metrics["loss"] = loss
      request.metrics["other"] = 1
      request.metadata["loss"] = loss.map { .double($0) }
      _ = try repository.save(content([]), request)
    }
    // Equal ones newest first, those without one last.
    let all = sort.hasPrefix("-") ? ["4", "3", "0", "6", "2", "5", "1"] : ["6", "2", "3", "0", "4", "5", "1"]
    #expect(try repository.checkpoints(sort: sort).map(\.path) == all)
    for limit in 0...8 {
      #expect(try repository.checkpoints(sort: sort, limit: limit).map(\.path) == Array(all.prefix(limit)))
    }
    let some = try repository.checkpoints(where: "path < '5'", sort: sort, limit: 5).map(\.path)
    #expect(some == all.filter { $0 < "5" })
  }

  @Test func aMissingValueIsNoMatch() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    for (path, loss) in [("a", 0.25), ("b", nil), ("c", 0.5)] as [(String, Double?)] {
      var request = SaveRequest(path: path)
      request.metrics["val_loss"] = loss
      _ = try repository.save(content([]), request)
    }
    func paths(_ text: String) throws -> [String] { try repository.checkpoints(where: text).map(\.path) }
    #expect(try paths("val_loss < 0.3") == ["a"])
    #expect(try paths("not val_loss < 0.3") == ["c"])
    #expect(try paths("val_loss != 0.25") == ["c"])
    #expect(try paths("val_loss is null") == ["b"])
    #expect(try paths("val_loss < 0.3 or path = 'b'") == ["b", "a"])
    #expect(try paths("tag != 'x'") == ["c", "b", "a"])
    #expect(try repository.checkpoints(sort: "val_loss").map(\.path) == ["a", "c", "b"])
    #expect(try repository.checkpoints(sort: "-val_loss").map(\.path) == ["c", "a", "b"])
    #expect(try repository.checkpoints(sort: "path:desc", limit: 1).map(\.path) == ["c"])
    #expect(try repository.checkpoints(where: "val_loss > 0", sort: "path:asc").map(\.path) == ["a", "c"])
  }

  @Test func datesAreMoments() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    _ = try repository.save(content([]), SaveRequest(path: "a"))
    let created = try #require(try repository.checkpoints().first?.created)
    func count(_ text: String) throws -> Int { try repository.checkpoints(where: text).count }
    #expect(try count("created > 1h ago and created <= 0s ago") == 1)
    #expect(try count("created < 1w ago") == 0)
    #expect(try count("created = '\(created)'") == 1)
    #expect(try count("created >= '\(created.prefix(10))'") == 1)
    #expect(try count("created between '2000-01-01 12' and '9999-12-31T23:59:59.999Z'") == 1)
    #expect(try count("created like '\(created.prefix(16))%'") == 1)
    for text in ["yesterday", "2026-1-1", "2026-11-01T", "2026-11-01T1", "01.11.2026", "2026-11-01T12:00+01:00"] {
      #expect(message { try count("created > '\(text)'") }.contains("not a date"), "\(text)")
    }
    #expect(failure { try count("step > 7d ago") } == .invalid)
  }

  @Test func unknownNamesListTheKnown() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    // Nothing to know yet.
    #expect(try repository.checkpoints(where: "val_loss < 1").isEmpty)
    var request = SaveRequest(path: "a")
    request.metrics = ["val_loss": 1, "odd name": 2]
    request.metadata = ["note": "x"]
    _ = try repository.save(content([], metadata: ["hyper_parameters": ["lr": 0.1]]), request)
    let error = message { try repository.checkpoints(where: "step > 3 and val_los < 0.3") }
    for part in [
      "nothing is called val_los", "column 14", "did you mean val_loss?", "new_bytes", "\"odd name\"",
      "hyper_parameters.lr", "note",
    ] {
      #expect(error.contains(part), "\(error)")
    }
    #expect(message { try repository.checkpoints(where: "lr > 1") }.contains("did you mean hyper_parameters.lr?"))
    for name in ["metrics.note", "metadata.val_loss", "extracted.note", "hyper_parameters.wd", "xyz is null or note"] {
      #expect(message { try repository.checkpoints(where: name + " is null") }.contains("is called"), "\(name)")
    }
    #expect(message { try repository.checkpoints(sort: "-xyz") }.contains("nothing is called xyz"))
    #expect(failure { try repository.checkpoints(where: "metadata.\"a\\\" = 1") } == .invalid)
  }

  @Test func wrongTypesAreSaid() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var request = SaveRequest(path: "a")
    request.metrics = ["loss": 1]
    _ = try repository.save(content([]), request)
    for text in [
      "step = 'x'", "run = 5", "loss = 'x'", "loss = true", "loss like 'x'", "step glob '*'", "tag < 'x'", "run = true",
      "tag between 'a' and 'b'", "created = 5", "step between 1 and 'x'", "run in ('a', 5)",
    ] {
      #expect(failure { try repository.checkpoints(where: text) } == .invalid, "\(text)")
    }
  }

  /// What gets out of quotes anywhere would show as an error of SQLite's, a match, or a table less.
  @Test func nothingOfTheUsersBecomesSQL() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    let hostile = [
      "'; DROP TABLE checkpoint; --", "x' OR '1'='1", "\") OR 1=1 --", "$.a", "a].b", "?1", ":name", "%s", "\\", "a\"b",
      "[0]", "*/", "/*", "$", "#-1", "x'00'",
    ]
    for (number, text) in hostile.enumerated() {
      var request = SaveRequest(path: "p\(number)")
      request.metrics = [text: 1]
      request.metadata = [text: .string(text)]
      request.run = text.contains("\\") ? nil : text
      request.tags = [text]
      _ = try repository.save(content([]), request)
    }
    for (number, text) in hostile.enumerated() {
      let (value, name) = (WhereLiteral.quoted(text), "\"" + text.replacing("\"", with: "\"\"") + "\"")
      let path = ["p\(number)"]
      #expect(try repository.checkpoints(where: "tag = \(value)").map(\.path) == path)
      #expect(try repository.checkpoints(where: "metrics.\(name) = 1").map(\.path) == path)
      #expect(try repository.checkpoints(where: "\(name) = 1", sort: name).map(\.path) == path)
      #expect(try repository.checkpoints(where: "run glob \(value)").map(\.path).allSatisfy { $0 == path[0] })
      if text.contains("\"") || text.contains("\\") {
        #expect(message { try repository.checkpoints(where: "metadata.\(name) = 1") }.contains("cannot be looked up"))
      } else {
        #expect(try repository.checkpoints(where: "metadata.\(name) = \(value)").map(\.path) == path, "\(text)")
      }
    }
    #expect(try repository.checkpoints().count == hostile.count)
  }

  @Test func whatTheParserLetsThroughSQLiteDoesToo() throws {
    let scratch = try Scratch()
    let repository = try scratch.repository()
    var request = SaveRequest(path: "a")
    request.metadata = ["x": ["y": 1]]
    request.tags = ["t"]
    _ = try repository.save(content([]), request)
    let depth = WhereExpression.deepestNesting
    for (opening, closing) in [
      ("(step = 1 or ", ")"), ("(x.y = 2 and step = 3 or x.y = 1 and ", ")"), ("not ", ""), ("(tag = 't' and ", ")"),
    ] {
      for leaf in ["x.y in (1, 's', true)", "tag = 't'", "not x.y not between 1 and 2".replacing("not x", with: "x")] {
        let text = String(repeating: opening, count: depth) + leaf + String(repeating: closing, count: depth)
        _ = try repository.checkpoints(where: text)
      }
    }
    let pairs = String(repeating: "(not (step = 1 or ", count: 5) + "x.y = 1" + String(repeating: "))", count: 5)
    _ = try repository.checkpoints(where: pairs)
    for word in [" or ", " and "] {
      let terms = Array(repeating: "x.y = 1", count: WhereExpression.mostComparisons)
      #expect(try repository.checkpoints(where: terms.joined(separator: word)).count == 1)
    }
    let list = (1...10_000).map(String.init).joined(separator: ",")
    #expect(try repository.checkpoints(where: "x.y in (\(list))").count == 1)
    let ones = Array(repeating: "1", count: 32_000).joined(separator: ",")
    #expect(try repository.checkpoints(where: "version in (\(ones))").count == 1)
    let long = "x" + String(repeating: ".\"\(String(repeating: "k", count: 40))\"", count: 800)
    #expect(failure { try repository.checkpoints(where: long + " is null") } == .invalid)
  }
}
