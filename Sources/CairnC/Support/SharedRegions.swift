import Cairn

/// Where a storage is in the regions of one call: `cairn_place`, its members in the same order.
struct RegionPlace: BitwiseCopyable {
  var region: UInt64
  var offset: UInt64
  var length: UInt64
}

/// Storages in memory, several of which may lie in one region: each region once, and where each storage is.
struct SharedRegions {
  private(set) var regions: [RegionHandle] = []
  private(set) var places: [RegionPlace] = []

  init(_ storages: [(region: MemoryRegion, byteCount: Int)]) {
    var known: [ObjectIdentifier: Int] = [:]
    for (region, byteCount) in storages {
      let whole = region.whole ?? region
      let index: Int
      if let found = known[ObjectIdentifier(whole)] {
        index = found
      } else {
        index = regions.count
        known[ObjectIdentifier(whole)] = index
        // What stands by itself may be longer than its storage; of what is shared each place says its own length.
        regions.append(RegionHandle(whole, byteCount: region.whole == nil ? byteCount : whole.byteCount))
      }
      var offset = 0
      if let start = whole.baseAddress, let base = region.baseAddress { offset = base - start }
      places.append(RegionPlace(region: UInt64(index), offset: UInt64(offset), length: UInt64(byteCount)))
    }
  }
}
