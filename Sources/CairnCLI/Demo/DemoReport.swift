/// What the demonstration has shown, in JSON.
struct DemoReport: Encodable {
  struct Restored: Encodable {
    var checkpoint: String
    var sha256: String
    var identical: Bool
  }

  var repository: String?
  var saved: [SaveView]
  var logicalBytes: Int
  var storedBytes: Int
  var restored: Restored
  var removed: [String]
  var freedBytes: Int
  var problems: Int
}
