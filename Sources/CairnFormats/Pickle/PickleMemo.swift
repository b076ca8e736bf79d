/// The values that a pickle has numbered, to refer to them again.
///
/// Picklers count from 0, so that an array does; a number out of turn (they reach 2^32 and, as text, beyond) goes
/// into a dictionary, so that a hostile number costs no more than its opcode.
struct PickleMemo {
  private var dense: [PickleGraph.ID] = []
  private var sparse: [UInt64: PickleGraph.ID] = [:]

  var count: Int { dense.count + sparse.count }

  subscript(index: UInt64) -> PickleGraph.ID? {
    index < UInt64(dense.count) ? dense[Int(index)] : sparse[index]
  }

  mutating func put(_ id: PickleGraph.ID, at index: UInt64) {
    if index < UInt64(dense.count) {
      dense[Int(index)] = id
    } else if index == UInt64(dense.count) {
      dense.append(id)
      if !sparse.isEmpty { sparse[index] = nil }
    } else {
      sparse[index] = id
    }
  }
}
