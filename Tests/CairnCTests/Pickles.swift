/// A pickle (protocol 2) of `{name: uint8 tensor, ...}` as `torch.save` writes `data.pkl`, with the keys given.
func statePickle(_ tensors: [(name: String, key: String, count: Int)], numbers: [(String, UInt8)] = []) -> [UInt8] {
  var bytes: [UInt8] = [0x80, 2]
  bytes += Array("}(".utf8)
  for tensor in tensors {
    bytes += text(tensor.name) + global("torch._utils", "_rebuild_tensor_v2")
    bytes += Array("((".utf8) + text("storage") + global("torch", "ByteStorage") + text(tensor.key) + text("cpu")
    bytes += number(tensor.count) + Array("tQ".utf8)
    bytes += number(0) + number(tensor.count) + [0x85] + number(1) + [0x85, 0x89]
    bytes += global("collections", "OrderedDict") + Array(")RtR".utf8)
  }
  for (name, value) in numbers { bytes += text(name) + number(Int(value)) }
  return bytes + Array("u.".utf8)
}

private func text(_ value: String) -> [UInt8] {
  [UInt8(ascii: "X")] + number32(value.utf8.count) + Array(value.utf8)
}

private func number(_ value: Int) -> [UInt8] { [UInt8(ascii: "J")] + number32(value) }

private func number32(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

private func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
