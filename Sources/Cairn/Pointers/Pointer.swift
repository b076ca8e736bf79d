import CairnCore
import CairnFormats

/// What a pointer file says: the small PyTorch container that the Python plugin leaves at a checkpoint's path.
///
/// Its pickle calls one global with one dictionary; `Sources/Python/cairn_ckpt/_pointer.py` is the other reader and
/// writer of this format. Nothing of it is executed here.
public struct Pointer: Sendable, Hashable {
  /// The id of the repository.
  public var repository: String
  /// The absolute path of the repository when the pointer was written.
  public var place: String
  /// The same, relative to the pointer's directory; empty if unknown.
  public var relative: String
  /// The id of the checkpoint.
  public var checkpoint: String
  /// The digest of its manifest.
  public var manifest: Digest
  /// `path@version` in the repository, for messages.
  public var name: String
  /// The name of its run.
  public var run: String?
  /// The ids of older versions that this pointer holds as well.
  public var earlier: [String]
  /// The devices that the checkpoint's storages were saved from, by PyTorch's names: the pointer has a probe for each,
  /// and where `map_location` moves that, it moves the storages.
  public var locations: [String]

  /// The format of the dictionary that this Cairn reads and writes.
  public static let format: Int64 = 1
  /// No pointer is larger, in bytes.
  public static let sizeLimit = 64 * 1024
  /// The record of a full file (`files="full"` in the plugin) that says which version it is.
  static let embeddedRecord = "cairn_pointer.pkl"
  /// What the pickle calls: frozen, it is on-disk format.
  static let function = PickleGlobal("cairn_ckpt", "pip_install_cairn_ckpt")

  /// Makes a pointer from its parts.
  public init(
    repository: String, place: String, relative: String = "", checkpoint: String, manifest: Digest, name: String,
    run: String? = nil, earlier: [String] = [], locations: [String] = []
  ) {
    self.repository = repository
    self.place = place
    self.relative = relative
    self.checkpoint = checkpoint
    self.manifest = manifest
    self.name = name
    self.run = run
    self.earlier = earlier
    self.locations = locations
  }

  /// The ids of all versions that this pointer keeps from being freed.
  public var held: [String] { [checkpoint] + earlier }
}
