#if !FUZZ
  import Cairn
  import CairnCore
  import CairnFormats
  import Foundation

  /// What the fuzzer starts from: a folder for each reader, filled from the fixtures.
  struct FuzzSeeds {
    let fixtures: String
    let directory: String

    private static let largest = 64 * 1024

    func write() throws {
      for folder in FuzzedReader.allCases.map(\.rawValue) + ["repository"] {
        try FileManager.default.createDirectory(atPath: directory + "/" + folder, withIntermediateDirectories: true)
      }
      let repository = try Repository.initialize(directory + "/repository/.cairn")
      for (number, name) in (FileManager.default.subpaths(atPath: fixtures) ?? []).sorted().enumerated() {
        let file = fixtures + "/" + name
        let ending = (name as NSString).pathExtension
        guard ["pt", "ckpt", "pth", "safetensors"].contains(ending) else { continue }
        let bytes = Array(try Data(contentsOf: URL(filePath: file)))
        if ending == "safetensors" {
          try add(bytes, .safetensors, number)
        } else {
          try add(bytes, .zip, number)
          try add(bytes, .pytorch, number)
          if let container = try? PyTorchContainer(BytesSource(bytes, name: name)) {
            try add(container.pickle, .pickle, number)
          }
        }
        guard bytes.count <= 1 << 20, let saved = try? repository.save(file: file, SaveRequest(path: "\(number)"))
        else {
          continue
        }
        try addCheckpoint(saved, repository, number)
      }
      let log = try Data(contentsOf: URL(filePath: repository.path + "/log.jsonl"))
      for (number, line) in log.split(separator: UInt8(ascii: "\n")).prefix(20).enumerated() {
        // Without the digest that leads the line.
        try add(Array(line.drop { $0 != UInt8(ascii: "{") }), .log, number)
      }
      for (number, text) in Self.expressions.enumerated() { try add(Array(text.utf8), .where, number) }
      try FileManager.default.removeItem(atPath: directory + "/repository")
    }

    private func addCheckpoint(_ saved: SaveReport, _ repository: Repository, _ number: Int) throws {
      try repository.withCheckpoint(PathName(path: "\(number)")) { _, stored in
        try add(stored.manifest.encoded(), .manifest, number)
      }
      let pointer = directory + "/repository/\(number).ckpt"
      let record = try repository.checkpoint(PathName(path: "\(number)"))
      guard
        (try? repository.copy(record, toPointerAt: pointer, SaveRequest(path: pointer), overwrite: false)) != nil
      else { return }
      try add(Array(try Data(contentsOf: URL(filePath: pointer))), .pointer, number)
    }

    private func add(_ bytes: [UInt8], _ reader: FuzzedReader, _ number: Int) throws {
      guard bytes.count <= Self.largest else { return }
      try Data(bytes).write(to: URL(filePath: "\(directory)/\(reader.rawValue)/\(number)"))
    }

    private static let expressions = [
      "step > 1000 and val_loss < 0.3 and run = 'sweep-4'", "hyper_parameters.lr >= 1e-4",
      "not (name like 'a%' or path glob '*.ckpt')", "created > 7d ago", "created between '2026-01-01' and '2026-02-01'",
      "size >= 1.5 GiB and tag is not null", "step in (1, 2, 3) or epoch not in (4)",
      "metadata.\"odd name\"[0].x = true",
      "1e-4 <= lr", "val_loss is null", "run != 'a''b'", "metrics.\"val/loss\" < 0x",
    ]
  }
#endif
