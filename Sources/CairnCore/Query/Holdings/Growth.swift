import GRDB

/// How much there was up to some time, of what is there now.
public struct GrowthPoint: Sendable, Hashable {
  /// When the stretch of time that it ends begins: UTC, ISO 8601.
  public var time: String
  /// Checkpoints saved until its end.
  public var checkpoints: Int
  /// Their bytes, as if each were a file of its own.
  public var logicalBytes: Int
  /// The bytes of the files that hold them.
  public var storedBytes: Int
}

/// The growth of a repository, in stretches of equal length.
public struct Growth: Sendable, Hashable {
  /// The length of a stretch in seconds.
  public var seconds: Int
  /// The stretches in order, those in which nothing was saved included; empty if there is no checkpoint.
  public var points: [GrowthPoint]
}

extension Repository {
  /// How the repository came to what it holds now, in at most `count` stretches of time: of a second, a minute, an hour,
  /// a day, a week or so, the shortest that does.
  ///
  /// Bytes count for the first of the checkpoints that are there now and need them. What has been removed has left no
  /// trace in the index, and does not count.
  public func growth(stretches count: Int) throws -> Growth {
    try read { db in
      let points = try checkpointsInOrder(db)
      guard let first = points.first?.time, let last = points.last?.time else { return Growth(seconds: 0, points: []) }
      let seconds = Self.stretch(from: first, to: last, count: max(1, count))
      let start = first - first.remainder(of: seconds)
      var stretches: [GrowthPoint] = []
      var sum = GrowthPoint(time: "", checkpoints: 0, logicalBytes: 0, storedBytes: 0)
      for point in points {
        let index = max(0, (point.time - start) / seconds)
        while stretches.count <= index {
          var stretch = sum
          stretch.time = UTCSeconds.text(start + stretches.count * seconds)
          stretches.append(stretch)
        }
        sum.checkpoints += 1
        sum.logicalBytes = sum.logicalBytes.adding(point.logical)
        sum.storedBytes = sum.storedBytes.adding(point.stored)
        stretches[index].checkpoints = sum.checkpoints
        stretches[index].logicalBytes = sum.logicalBytes
        stretches[index].storedBytes = sum.storedBytes
      }
      return Growth(seconds: seconds, points: stretches)
    }
  }

  private func checkpointsInOrder(_ db: Database) throws -> [(time: Int, logical: Int, stored: Int)] {
    var first = FirstNeed(try ReferenceGraph(db, blobs))
    let lists = try ManifestLists(db)
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT c.created, c.manifest_id, m.size FROM checkpoint c JOIN manifest m ON m.id = c.manifest_id
        ORDER BY c.created, c.id
        """)
    var points: [(time: Int, logical: Int, stored: Int)] = []
    while let row = try rows.next() {
      var stored = 0
      try lists.read(row.value(1)) { stored = first.bytes(of: $0) }
      // A time that cannot be read is as good as that of the one before.
      let time = try UTCSeconds.parse(row.value(0)) ?? points.last?.time ?? 0
      try points.append((max(time, points.last?.time ?? time), row.value(2), stored))
    }
    return points
  }

  private static func stretch(from first: Int, to last: Int, count: Int) -> Int {
    let minute = 60, hour = 3_600, day = 86_400
    let lengths = [
      1, 5, 15, minute, 5 * minute, 15 * minute, hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day,
      30 * day, 90 * day, 365 * day,
    ]
    func fits(_ length: Int) -> Bool { (last - (first - first.remainder(of: length))) / length < count }
    if let length = lengths.first(where: fits) { return length }
    let years = (last - first) / (365 * day) / count + 1
    return (years + 1) * 365 * day
  }
}

/// Goes through checkpoints in order, and says what each is the first to need.
private struct FirstNeed {
  private let graph: ReferenceGraph
  private var tensors: [Bool]
  private var storages: [Bool]
  private var blobs: [Bool]
  private var packs: [Bool]
  /// By pack: what its file has beside the blobs that are needed.
  private var packRests: [Int]

  init(_ graph: ReferenceGraph) {
    self.graph = graph
    tensors = Array(repeating: false, count: graph.tensors.count)
    storages = Array(repeating: false, count: graph.storages.count)
    blobs = Array(repeating: false, count: graph.blobs.count)
    packs = Array(repeating: false, count: graph.packs.count)
    packRests = graph.packBytes
    for (blob, pack) in graph.packOfBlob.enumerated() where pack >= 0 {
      packRests[Int(pack)] = packRests[Int(pack)].adding(-graph.blobBytes[blob])
    }
  }

  mutating func bytes(of lists: ManifestLists.Lists) -> Int {
    var bytes = 0
    if let blob = graph.blobs[lists.blob] { bytes = bytes.adding(need(blob: blob)) }
    for id in lists.storages {
      if let storage = graph.storages[id] { bytes = bytes.adding(need(storage: storage)) }
    }
    for id in lists.tensors {
      guard let tensor = graph.tensors[id], !tensors[tensor] else { continue }
      tensors[tensor] = true
      let storage = Int(graph.storageOfTensor[tensor])
      if storage >= 0 { bytes = bytes.adding(need(storage: storage)) }
    }
    return bytes
  }

  private mutating func need(storage: Int) -> Int {
    if storages[storage] { return 0 }
    storages[storage] = true
    var bytes = 0
    for blob in graph.blobs(ofStorage: storage) { bytes = bytes.adding(need(blob: Int(blob))) }
    return bytes
  }

  private mutating func need(blob: Int) -> Int {
    if blobs[blob] { return 0 }
    blobs[blob] = true
    let bytes = graph.blobBytes[blob]
    let pack = Int(graph.packOfBlob[blob])
    guard pack >= 0, !packs[pack] else { return bytes }
    packs[pack] = true
    return bytes.adding(packRests[pack])
  }
}

extension Int {
  /// What is left over division, never negative.
  fileprivate func remainder(of divisor: Int) -> Int {
    let rest = self % divisor
    return rest < 0 ? rest + divisor : rest
  }
}
