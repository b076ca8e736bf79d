/// A view that `Repository.query` offers: what of the index is documented, and stays as it is.
///
/// The tables below may be read as well, but change with every version. The views exist only in the connection of a
/// query: another program that opens the index sees the tables.
public struct QueryView: Sendable {
  /// A column of a view.
  public struct Column: Sendable {
    /// Its name.
    public let name: String
    /// What it holds.
    public let description: String
    let expression: String

    init(_ name: String, _ expression: String, _ description: String) {
      self.name = name
      self.expression = expression
      self.description = description
    }
  }

  /// Its name.
  public let name: String
  /// What a row of it is.
  public let description: String
  /// Its columns.
  public let columns: [Column]
  let source: String

  /// The statement that makes the view in a connection's own schema.
  var sql: String {
    let list = columns.map { "\($0.expression) AS \($0.name)" }.joined(separator: ",\n  ")
    return "CREATE TEMP VIEW \(name) AS SELECT\n  \(list)\nFROM \(source)"
  }

  /// All of them.
  public static let all = [checkpoints, tensors, runs, metrics, blobs]
}

extension QueryView {
  private static let checkpointName = "p.name || '@' || c.version"

  static let checkpoints = QueryView(
    name: "checkpoints", description: "a row for each checkpoint",
    columns: [
      Column("checkpoint", checkpointName, "path@version"),
      Column("id", "c.uid", "128 random bits in hexadecimal"),
      Column("path", "p.name", "its path"),
      Column("version", "c.version", "its version of the path"),
      Column("run", "r.name", "the name of its run, or NULL"),
      Column("step", "c.step", "the training step, or NULL"),
      Column("epoch", "c.epoch", "the epoch, or NULL"),
      Column(
        "tags",
        "(SELECT json_group_array(name) FROM (SELECT name FROM tag WHERE checkpoint_id = c.id ORDER BY name))",
        "the tags that point to it, a JSON array"),
      Column("created", "c.created", "when it was saved: UTC, ISO 8601 with milliseconds"),
      Column("host", "c.host", "on which host"),
      Column("user", "c.user", "by which user"),
      Column("kind", "m.kind", "'state', 'file' or 'directory'; '' if it is unreadable"),
      Column(
        "state", "CASE m.state WHEN 0 THEN 'whole' WHEN 1 THEN 'incomplete' ELSE 'unreadable' END",
        "'whole', 'incomplete' or 'unreadable'"),
      Column(
        "parent",
        "(SELECT pp.name || '@' || pc.version FROM checkpoint pc JOIN path pp ON pp.id = pc.path_id "
          + "WHERE pc.uid = c.parent)", "path@version of the one it follows; NULL if there is none any more"),
      Column("parent_id", "c.parent", "the id of the one it follows, removed or not"),
      Column("bytes", "m.size", "its bytes"),
      Column("new_bytes", "c.new_bytes", "bytes that were new to the repository when it was saved"),
      Column("tensors", "m.tensor_count", "how many tensors it has"),
      Column("manifest", "lower(hex(b.digest))", "the SHA-256 of its manifest, hexadecimal"),
      Column("metadata", "c.metadata", "what was said of it when it was saved, a JSON object"),
      Column("extracted", "m.metadata", "what was read out of it, a JSON object"),
    ],
    source: """
      checkpoint c LEFT JOIN path p ON p.id = c.path_id LEFT JOIN manifest m ON m.id = c.manifest_id
        LEFT JOIN blob b ON b.id = m.blob_id LEFT JOIN run r ON r.id = c.run_id
      """)

  /// From each manifest's list to the tensors, in this order however it is asked: the other way round the lists of all
  /// manifests would be read for each tensor. What a tensor's type and storage say is looked up only where it is asked
  /// for.
  static let tensors = QueryView(
    name: "tensors", description: "a row for each tensor of each checkpoint",
    columns: [
      Column("checkpoint", checkpointName, "path@version"),
      Column("checkpoint_id", "c.uid", "the checkpoint's id"),
      Column("path", "p.name", "the checkpoint's path"),
      Column("version", "c.version", "the checkpoint's version"),
      Column("run", "r.name", "the name of its run, or NULL"),
      Column("step", "c.step", "the training step, or NULL"),
      Column("position", "i.position", "0 for the checkpoint's first tensor"),
      Column("name", "n.name", "the tensor's name"),
      Column(
        "dtype", "(SELECT dtype FROM tensor_type WHERE id = t.type_id)", "its element type: 'float32', 'bfloat16' …"),
      Column(
        "shape", "(SELECT shape FROM tensor_type WHERE id = t.type_id)", "elements along each dimension, a JSON array"),
      Column(
        "strides", "(SELECT strides FROM tensor_type WHERE id = t.type_id)",
        "elements between neighbours along each dimension, a JSON array"),
      Column("byte_offset", "t.byte_offset", "where it begins in its storage, in bytes"),
      Column(
        "bytes", "(SELECT tensor_bytes(dtype, shape) FROM tensor_type WHERE id = t.type_id)",
        "the bytes of its elements; NULL if the type is unknown"),
      Column(
        "storage", "t.storage_id", "a number: the same for tensors on the same bytes, for as long as they are there"),
      Column("storage_bytes", "(SELECT size FROM storage WHERE id = t.storage_id)", "the bytes of its storage"),
      Column(
        "digests",
        "(SELECT json_group_array(digest) FROM (SELECT lower(hex(sb.digest)) AS digest "
          + "FROM packed_ids((SELECT blobs FROM storage WHERE id = t.storage_id)) sp CROSS JOIN blob sb ON sb.id = sp.value ORDER BY sp.position))",
        "the SHA-256 of each blob of its storage, a JSON array"),
    ],
    source: """
      checkpoint c JOIN path p ON p.id = c.path_id LEFT JOIN run r ON r.id = c.run_id
        JOIN manifest_lists l ON l.manifest_id = c.manifest_id CROSS JOIN packed_ids(l.tensors) i
        CROSS JOIN tensor t ON t.id = i.value LEFT JOIN tensor_name n ON n.id = t.name_id
      """)

  static let runs = QueryView(
    name: "runs", description: "a row for each training run",
    columns: [
      Column("name", "r.name", "its name"),
      Column("id", "r.uid", "its id"),
      Column("created", "r.created", "when it began: UTC, ISO 8601 with milliseconds"),
      Column("checkpoints", "(SELECT count(*) FROM checkpoint WHERE run_id = r.id)", "how many checkpoints it has"),
      Column("last_step", "(SELECT max(step) FROM checkpoint WHERE run_id = r.id)", "the highest step among them"),
      Column("last_saved", "(SELECT max(created) FROM checkpoint WHERE run_id = r.id)", "when the newest was saved"),
      Column("metadata", "r.metadata", "what was said of it, a JSON object"),
    ],
    source: "run r")

  static let metrics = QueryView(
    name: "metrics", description: "a row for each metric of each checkpoint",
    columns: [
      Column("checkpoint", checkpointName, "path@version"),
      Column("checkpoint_id", "c.uid", "the checkpoint's id"),
      Column("run", "r.name", "the name of its run, or NULL"),
      Column("step", "c.step", "the training step, or NULL"),
      Column("epoch", "c.epoch", "the epoch, or NULL"),
      Column("name", "x.name", "the metric's name"),
      Column("value", "x.value", "its value"),
    ],
    source: """
      metric x JOIN checkpoint c ON c.id = x.checkpoint_id LEFT JOIN path p ON p.id = c.path_id
        LEFT JOIN run r ON r.id = c.run_id
      """)

  static let blobs = QueryView(
    name: "blobs", description: "a row for each blob",
    columns: [
      Column("digest", "lower(hex(b.digest))", "the SHA-256 of its content, hexadecimal"),
      Column("size", "b.size", "its bytes"),
      Column("stored", "b.stored", "the bytes it takes: fewer if it is compressed"),
      Column(
        "place", "CASE b.place WHEN 0 THEN 'raw' WHEN 1 THEN 'zstd' ELSE 'pack' END",
        "'raw' or 'zstd': a file of its own; 'pack'"),
      Column("pack", "nullif(lower(hex(k.digest)), '')", "the SHA-256 of the pack that holds it, or NULL"),
      Column("refs", "b.refs", "how many storages and manifests need it; 0: it waits for gc"),
    ],
    source: "blob b LEFT JOIN pack k ON k.id = b.pack_id")
}
