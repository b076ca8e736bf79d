import Foundation
import GRDB

/// An ascending list of row ids whose newest lie in its owner's own row, and those before them in pieces: what is added
/// most often changes a small row among others that change with it.
struct RecentIDs {
  /// Which lists.
  enum Kind: CaseIterable {
    /// The manifests that list a tensor.
    case manifestsOfTensor
    /// The tensors of a name that some manifest lists.
    case tensorsOfName

    /// Where the lists are that do not fit the rows.
    var pieces: IDLists.Table { self == .manifestsOfTensor ? .tensorManifests : .nameTensors }

    /// How many ids the row of an owner has at most. Names get their tensors in step, and must not all be full at once.
    func limit(of owner: Int64) -> Int { self == .manifestsOfTensor ? 64 : 48 + Int(owner & 31) }
  }

  let db: Database
  let kind: Kind

  /// Adds `id` to the list whose newest are `own`, and moves those that are too many into pieces.
  func add(_ id: Int64, to own: inout [Int64], of owner: Int64) throws {
    // One that could not be read for a while comes later than its number says.
    let place = own.lastIndex { $0 < id }.map { $0 + 1 } ?? 0
    own.insert(id, at: place)
    guard own.count > kind.limit(of: owner) else { return }
    try IDLists(db: db, table: kind.pieces).insert(own.dropLast(), into: owner)
    own.removeSubrange(..<(own.count - 1))
  }

  /// Takes `id` from the list whose newest are `own`.
  func remove(_ id: Int64, from own: inout [Int64], of owner: Int64) throws {
    if let place = own.firstIndex(of: id) {
      own.remove(at: place)
    } else {
      try IDLists(db: db, table: kind.pieces).remove(id, from: owner)
    }
  }

  /// What lies in the owner's row of a list, after those that are too many have been put into pieces.
  func own(of ids: [Int64], _ owner: Int64) throws -> [Int64] {
    let limit = kind.limit(of: owner)
    if ids.count <= limit { return ids }
    var rest = ids.dropLast(limit / 2)
    while !rest.isEmpty {
      try IDLists(db: db, table: kind.pieces).insert(rest.prefix(IDLists.pieceLimit), into: owner)
      rest = rest.dropFirst(IDLists.pieceLimit)
    }
    return ids.suffix(limit / 2)
  }

  /// The whole list, in order; `own` are its newest.
  func all(_ own: [Int64], of owner: Int64) throws -> [Int64] {
    let earlier = try IDLists(db: db, table: kind.pieces).ids(of: owner)
    // One that came late is behind those that are newer.
    if let last = earlier.last, let first = own.first, first < last { return (earlier + own).sorted() }
    return earlier + own
  }
}
