import Testing

@testable import CairnCore

@Suite struct WhereParsingTests {
  @Test func whatIsPrintedReadsBackEqual() throws {
    var random = RandomExpressions(seed: 10)
    for _ in 0..<2_000 {
      let expression = random.expression()
      let text = expression.description
      #expect(try WhereExpression(parsing: text) == expression, "\(text)")
    }
  }

  @Test func andBindsTighterThanOrAndNotThanBoth() throws {
    #expect(
      try WhereExpression(parsing: "a = 1 or b = 2 and not c = 3").description == "a = 1 or (b = 2 and not c = 3)")
    #expect(try WhereExpression(parsing: "(a = 1 OR b = 2) AND c <> 3").description == "(a = 1 or b = 2) and c != 3")
    #expect(try WhereExpression(parsing: "1000<step").description == "step > 1000")
    #expect(try WhereExpression(parsing: "a == 1").description == "a = 1")
    #expect(try WhereExpression(parsing: "val/loss > .5").description == "val/loss > 0.5")
    #expect(try WhereExpression(parsing: "size>=10MiB").description == "size >= 10485760")
    #expect(try WhereExpression(parsing: "created>2d ago").description == "created > 172800.0s ago")
    #expect(
      try WhereExpression(parsing: "lr_schedulers[0].\"base lr\" not between -1e-4 and 2").description
        == "lr_schedulers[0].\"base lr\" not between -0.0001 and 2")
    #expect(try WhereExpression(parsing: "\"and\" = 'it''s'").description == "\"and\" = 'it''s'")
  }

  /// What the caret stands under.
  private func marked(_ text: String) -> String? {
    do {
      _ = try WhereExpression(parsing: text)
      return nil
    } catch let error as CairnError {
      guard error.kind == .invalid, let excerpt = error.excerpt else { return nil }
      return String(decoding: Array(excerpt.text.utf8)[excerpt.range], as: UTF8.self)
    } catch {
      return nil
    }
  }

  @Test func errorsSayWhere() {
    #expect(marked("step > 5 and") == "")
    #expect(marked("step > 5 5") == "5")
    #expect(marked("step >> 5") == ">")
    #expect(marked("step > 'x") == "'x")
    #expect(marked("run = \"sweep\"") == "\"sweep\"")
    #expect(marked("run = sweep") == "sweep")
    #expect(marked("(step = 1") == "")
    #expect(marked("step = 1)") == ")")
    #expect(marked("step = null") == "null")
    #expect(marked("step ! 1") == "!")
    #expect(marked("模型 = 1; drop table checkpoint") == ";")
    #expect(marked("created > 7d") == "7d")
    #expect(marked("step > 1e999") == "1e999")
    #expect(marked("step > 12parsecs") == "12parsecs")
    #expect(marked("a[x] = 1") == "x")
    #expect(marked("a[99999999999] = 1") == "99999999999")
    #expect(marked("a. = 1") == "=")
    #expect(marked("a = 'x\0y'") == "'x\0")
    #expect(marked("") == "")
    #expect(message { try WhereExpression(parsing: "run = \"sweep\"") }.contains("text is 'sweep'"))
    #expect(message { try WhereExpression(parsing: "step > 5 5") }.contains("at column 10 of"))
  }

  @Test func nestingAndLengthHaveLimits() throws {
    let many = 30_000
    for text in [
      String(repeating: "(", count: many),
      String(repeating: "(", count: many) + "a=1" + String(repeating: ")", count: many),
      String(repeating: "not ", count: many / 2) + "a = 1", String(repeating: "a=1 or (", count: many / 4),
      "a in (" + String(repeating: "1,", count: many), String(repeating: "a=1 and ", count: many / 4) + "a=1",
      String(repeating: "a.", count: many), String(repeating: "'", count: many * 2 + 1),
      String(repeating: "(", count: 100_000), "a like '" + String(repeating: "%a", count: 20_000) + "'",
      String(repeating: "[", count: many), "a" + String(repeating: "[1]", count: 20_000) + ")",
    ] {
      #expect(failure { try WhereExpression(parsing: text) } == .invalid)
    }
    let depth = WhereExpression.deepestNesting
    let deepest = String(repeating: "(", count: depth) + "a = 1" + String(repeating: ")", count: depth)
    _ = try WhereExpression(parsing: deepest)
    #expect(failure { try WhereExpression(parsing: "(" + deepest + ")") } == .invalid)
  }

  @Test func nonsenseIsAnErrorAndNothingElse() {
    var random = RandomExpressions(seed: 11)
    let words = [
      "step", "val_loss", "and", "or", "not", "in", "(", ")", ",", "=", "<", "'x'", "5", "null", "is", ".", "[", "]",
      "7d", "ago", "like", "\"q\"", "between",
    ]
    for _ in 0..<2_000 {
      let text = (0..<Int.random(in: 0...12, using: &random.random)).map { _ in
        Bool.random(using: &random.random) ? words.randomElement(using: &random.random) ?? "" : random.text(upTo: 3)
      }.joined(separator: " ")
      do {
        let expression = try WhereExpression(parsing: text)
        #expect(try WhereExpression(parsing: expression.description) == expression)
      } catch let error as CairnError {
        #expect(error.kind == .invalid && error.excerpt != nil, "\(text)")
        if let range = error.excerpt?.range { #expect(range.upperBound <= text.utf8.count) }
      } catch {
        Issue.record("\(text): \(error)")
      }
    }
  }
}
