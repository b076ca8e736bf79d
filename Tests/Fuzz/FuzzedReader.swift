import Cairn
import CairnCore
import CairnFormats

/// The readers of untrusted bytes. Each takes any bytes, and must come back: with a result or an error, never a trap.
enum FuzzedReader: String, CaseIterable {
  case zip, pickle, pytorch, safetensors, manifest, pointer, log
  /// The expression of `cairn log --where`.
  case `where`

  /// Gives the reader some bytes. What it accepts must hold: be written again and read as the same.
  func read(_ bytes: [UInt8]) {
    let source = BytesSource(bytes, name: "fuzz")
    do {
      switch self {
      case .zip:
        let archive = try ZipArchive(source)
        for entry in archive.entries { _ = try? archive.contents(of: entry, in: source, limit: 1 << 20) }
      case .pickle:
        let (graph, optimized) = try PickleReader.readAndOptimize(bytes, name: "fuzz")
        let read = try PickleReader.read(optimized, name: "fuzz, optimized")
        // As written: a NaN in it equals itself there.
        let (before, after) = (try? PickleWriter.write(graph), try? PickleWriter.write(read))
        precondition(before == after, "a pickle changes when it is optimized")
        // The first writing may say a value in another way (bytes, which protocol 2 has not); then nothing changes.
        var written = bytes
        for round in 0..<3 {
          let graph = try PickleReader.read(written, name: "fuzz")
          guard let again = try? PickleWriter.write(graph) else { return }
          precondition(round < 2 || again == written, "a pickle changes when it is written again")
          written = again
        }
      case .pytorch:
        check(try FileLayout.read(source, savedAs: nil), bytes.count)
      case .safetensors:
        check(try Safetensors.layout(of: source), bytes.count)
      case .manifest:
        let manifest = try Manifest.decoded(bytes, path: "fuzz")
        let again = try Manifest.decoded(manifest.encoded(), path: "fuzz, written again")
        precondition(again == manifest, "a manifest changes when it is written again")
      case .pointer:
        if let pointer = try Pointer.read(source) { precondition(pointer.manifest.bytes.count == Digest.byteCount) }
        _ = try Pointer.parse(bytes, name: "fuzz")
      case .log:
        // With its digest right: the fuzzer would never find one.
        let previous = Digest(hashing: [])
        let line = Array(Digest(hashing: previous.bytes + bytes).hex.utf8) + [UInt8(ascii: " ")] + bytes
        _ = try LogLine(parsing: line[...], after: previous)
      case .where:
        let expression = try WhereExpression(parsing: String(decoding: bytes, as: UTF8.self))
        let again = try? WhereExpression(parsing: expression.description)
        precondition(again == expression, "an expression reads otherwise than it is written")
      }
    } catch {
      // Refused: as good as read, as long as it can be said why.
      precondition(!"\(error)".isEmpty)
    }
  }

  /// Nothing that a layout names lies outside of its file.
  private func check(_ layout: FileLayout, _ size: Int) {
    for extent in layout.storages {
      precondition(extent.offset >= 0 && extent.length >= 0 && extent.length <= size - extent.offset)
    }
    for tensor in layout.tensors { precondition(layout.storages.indices.contains(tensor.storage)) }
  }
}
