import Cairn
import Foundation

/// A comparison as `cairn diff` shows it.
struct DiffText {
  private let diff: CheckpointDiff
  private let isBrief: Bool
  private let hasValues: Bool

  /// `hasValues` says that values were compared where that can be done.
  init(_ diff: CheckpointDiff, isBrief: Bool, hasValues: Bool) {
    self.diff = diff
    self.isBrief = isBrief
    self.hasValues = hasValues
  }

  func print(_ console: Console) throws {
    if !isBrief {
      if !diff.metadata.isEmpty { try console.result(try metadataTable()) }
      if !diff.metadata.isEmpty, !diff.tensors.isEmpty { try console.result("\n") }
      if !diff.tensors.isEmpty { try console.result(tensorTable(console.sizes)) }
      if diff.isDifferent { try console.result("\n") }
    }
    try console.result(summary() + "\n")
    if diff.uncertainCount > 0 {
      let some = diff.uncertainCount == 1 ? "1 of them" : "\(diff.uncertainCount) of them"
      try console.message(
        hasValues
          ? "\(some) may be the same: their values cannot be read"
          : "\(some) may be the same, laid out otherwise: --values tells")
    }
  }

  private func summary() -> String {
    let order: [TensorDifference.Kind] = [.changed, .retyped, .reshaped, .moved, .added, .removed]
    let parts = order.compactMap { kind in
      diff.count(kind) > 0 ? "\(diff.count(kind)) \(kind.rawValue)" : nil
    }
    var text = parts.isEmpty ? "no tensor differs" : parts.joined(separator: ", ")
    text += "; \(counted(diff.unchangedCount, "tensor")) unchanged"
    if diff.relaidCount > 0 { text += " (\(diff.relaidCount) laid out otherwise)" }
    if !diff.metadata.isEmpty { text += "; \(counted(diff.metadata.count, "metadata value"))" }
    return text
  }

  /// More values below one name than this are counted: how far the loops of a trainer have come takes pages.
  private static let mostOfAGroup = 8

  /// `extracted.loops` of `extracted.loops.fit_loop.state_dict.x`.
  private static func group(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false).prefix(2).joined(separator: ".")
  }

  private func metadataTable() throws -> Table {
    var groups: [String: Int] = [:]
    for change in diff.metadata { groups[Self.group(change.name), default: 0] += 1 }
    var table = Table([
      Table.Column(title: "metadata", minimum: 20, truncation: .head),
      Table.Column(title: "a", minimum: 12),
      Table.Column(title: "b", minimum: 12),
    ])
    var shown: Set<String> = []
    for change in diff.metadata {
      let group = Self.group(change.name)
      let count = groups[group] ?? 0
      if count <= Self.mostOfAGroup {
        table.add([
          Table.Cell(change.name, .name), Table.Cell(try text(change.old), .faint), Table.Cell(try text(change.new)),
        ])
      } else if shown.insert(group).inserted {
        table.add([Table.Cell(group + ".*", .name), Table.Cell("\(count) differ (--json)", .faint), Table.Cell("")])
      }
    }
    return table
  }

  private func text(_ value: JSONValue?) throws -> String {
    switch value {
    case nil: "–"
    case .double(let number): short(number)
    case .string(let text): text
    case .some(let value): String(decoding: try value.serialized(), as: UTF8.self)
    }
  }

  private func tensorTable(_ sizes: Sizes) -> Table {
    var table = Table([
      Table.Column(title: "change"),
      Table.Column(title: "tensor", minimum: 24, truncation: .head),
      Table.Column(title: "from", minimum: 12, truncation: .head, dispensable: 1),
      Table.Column(title: "dtype", minimum: 8, dispensable: 4),
      Table.Column(title: "shape", minimum: 8, dispensable: 5),
      Table.Column(title: "size", alignment: .right, dispensable: 6),
      Table.Column(title: "max |Δ|", alignment: .right),
      Table.Column(title: "rel L2", alignment: .right),
      Table.Column(title: "differ", alignment: .right, dispensable: 3),
      Table.Column(title: "NaN", alignment: .right),
      Table.Column(title: "Inf", alignment: .right, dispensable: 2),
    ])
    for change in diff.tensors {
      let values = change.values
      table.add([
        Table.Cell(change.kind.rawValue + (change.isCertain ? "" : "?"), Self.paint(change.kind)),
        Table.Cell(change.name, .name),
        Table.Cell(change.kind == .moved ? change.old?.name ?? "" : "", .faint),
        Table.Cell(Self.both(change, \.dtype)),
        Table.Cell(Self.both(change) { Self.shape($0.shape) }),
        Table.Cell((change.new ?? change.old)?.bytes.map(sizes.text) ?? "", .faint),
        Table.Cell(values?.maximumDifference.map(Self.number) ?? ""),
        Table.Cell(values?.relativeDifference.map(Self.number) ?? ""),
        Table.Cell(values.map { Self.percent($0.changedShare) } ?? ""),
        Table.Cell(values.flatMap { $0.newNaNCount > 0 ? String($0.newNaNCount) : nil } ?? "", .bad),
        Table.Cell(values.flatMap { $0.newInfinityCount > 0 ? String($0.newInfinityCount) : nil } ?? "", .bad),
      ])
    }
    return table
  }

  private static func both(_ change: TensorDifference, _ text: (TensorDifference.Side) -> String) -> String {
    let texts = [change.old, change.new].compactMap { $0.map(text) }
    guard texts.count == 2, texts[0] != texts[1] else { return texts.first ?? "" }
    return texts.joined(separator: " → ")
  }

  private static func paint(_ kind: TensorDifference.Kind) -> Paint {
    switch kind {
    case .added: .tag
    case .removed: .bad
    default: .plain
    }
  }

  static func shape(_ shape: [Int]) -> String {
    shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "×")
  }

  static func number(_ number: Double) -> String { String(format: "%.3g", number) }

  /// Never 0 or 100 unless it is just that.
  static func percent(_ share: Double) -> String {
    if share > 0, share < 0.0001 { return "<0.01 %" }
    if share < 1, share > 0.9999 { return ">99.99 %" }
    return String(format: "%.3g %%", 100 * share)
  }
}
