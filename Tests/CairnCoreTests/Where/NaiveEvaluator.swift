@testable import CairnCore

/// What an expression says of a checkpoint, by the documentation alone: true, false, or unknown (nil).
struct NaiveEvaluator {
  let record: CheckpointRecord
  /// The names of metrics that any checkpoint has.
  let metrics: Set<String>

  func holds(_ expression: WhereExpression) -> Bool? {
    switch expression {
    case .and(let terms):
      let values = terms.map(holds)
      return values.contains(false) ? false : values.contains(nil) ? nil : true
    case .or(let terms):
      let values = terms.map(holds)
      return values.contains(true) ? true : values.contains(nil) ? nil : false
    case .not(let term): return holds(term).map { !$0 }
    case .comparison(let name, let sign, let literal): return compare(name, sign, literal)
    case .membership(let name, let list, let negated):
      let values = list.map { compare(name, .equal, $0) }
      let found: Bool? = values.contains(true) ? true : values.contains(false) ? false : nil
      return found.map { $0 != negated }
    case .range(let name, let low, let high, let negated):
      guard let above = compare(name, .greaterOrEqual, low), let below = compare(name, .lessOrEqual, high) else {
        return nil
      }
      return (above && below) != negated
    case .match(let name, let pattern, let text, let negated):
      if tags(name) != nil { return record.tags.contains { matches($0, pattern, text) } != negated }
      for case .string(let value) in values(name) { return matches(value, pattern, text) != negated }
      return nil
    case .missing(let name, let negated):
      if tags(name) != nil { return record.tags.isEmpty != negated }
      return values(name).isEmpty != negated
    }
  }

  private func tags(_ name: WhereName) -> [String]? { ["tag", "tags"].contains(name.metric) ? record.tags : nil }

  private func compare(_ name: WhereName, _ sign: WhereOperator, _ literal: WhereLiteral) -> Bool? {
    if tags(name) != nil, case .text(let text) = literal.value { return record.tags.contains(text) == (sign == .equal) }
    for value in values(name) {
      switch (value, literal.value) {
      case (.string(let left), .text(let right)): return ordered(Array(left.utf8), Array(right.utf8), sign)
      case (.bool(let left), .bool(let right)): return (left == right) == (sign == .equal)
      case (.int, .int(let right)), (.double, .int(let right)):
        return ordered([value.doubleValue ?? 0], [Double(right)], sign)
      case (.int, .double(let right)), (.double, .double(let right)):
        return ordered([value.doubleValue ?? 0], [right], sign)
      default: continue
      }
    }
    return nil
  }

  private func ordered<Value: Comparable>(_ left: [Value], _ right: [Value], _ sign: WhereOperator) -> Bool {
    let isLess = left.lexicographicallyPrecedes(right)
    switch sign {
    case .equal: return left == right
    case .notEqual: return left != right
    case .less: return isLess
    case .lessOrEqual: return isLess || left == right
    case .greater: return !isLess && left != right
    case .greaterOrEqual: return !isLess
    }
  }

  /// The values that a name may stand for, the first of the wanted type counts; null is no value.
  private func values(_ name: WhereName) -> [JSONValue] {
    let column: JSONValue?
    switch name.metric {
    case "step": column = record.step.map { .int(Int64($0)) }
    case "epoch": column = record.epoch.map { .int(Int64($0)) }
    case "version": column = .int(Int64(record.version))
    case "run": column = record.run.map { .string($0) }
    case "path": column = .string(record.path)
    case "name": column = .string(record.name)
    case "parent": column = record.parent.map { .string($0) }
    case "size": column = .int(Int64(record.size))
    default:
      if name.parts[0] == .key("metrics"), let metric = WhereName(parts: Array(name.parts.dropFirst())).metric {
        return record.metrics[metric].map { [.double($0)] } ?? []
      }
      if let metric = name.metric, metrics.contains(metric) {
        return record.metrics[metric].map { [.double($0)] } ?? []
      }
      let documents: [[String: JSONValue]]
      var parts = name.parts
      switch parts.first {
      case .key("metadata"):
        documents = [record.metadata]
        parts.removeFirst()
      case .key("extracted"):
        documents = [record.extracted]
        parts.removeFirst()
      default: documents = [record.metadata, record.extracted]
      }
      return documents.flatMap { document -> [JSONValue] in
        let flat = WhereName(parts: parts).metric.flatMap { document[$0] }
        return [member(.object(document), parts), flat].compactMap { $0 == .null ? nil : $0 }
      }
    }
    return column.map { [$0] } ?? []
  }

  private func member(_ value: JSONValue, _ parts: [WhereName.Part]) -> JSONValue? {
    var value = value
    for part in parts {
      switch (part, value) {
      case (.key(let key), .object(let members)):
        guard let next = members[key] else { return nil }
        value = next
      case (.index(let index), .array(let items)):
        let position = index < 0 ? items.count + index : index
        guard items.indices.contains(position) else { return nil }
        value = items[position]
      default: return nil
      }
    }
    return value
  }

  /// By recursion, over the few kinds of pattern that the tests use.
  private func matches(_ text: String, _ pattern: WherePattern, _ wanted: String) -> Bool {
    let (any, one): (Character, Character) = pattern == .like ? ("%", "_") : ("*", "?")
    func match(_ text: Substring, _ wanted: Substring) -> Bool {
      guard let first = wanted.first else { return text.isEmpty }
      if first == any {
        return match(text, wanted.dropFirst()) || (!text.isEmpty && match(text.dropFirst(), wanted))
      }
      guard let character = text.first else { return false }
      if pattern == .glob, wanted.hasPrefix("[a-s]") {
        return ("a"..."s").contains(character) && match(text.dropFirst(), wanted.dropFirst(5))
      }
      let isSame = pattern == .like ? character.lowercased() == first.lowercased() : character == first
      return (first == one || isSame) && match(text.dropFirst(), wanted.dropFirst())
    }
    return match(text[...], wanted[...])
  }
}
