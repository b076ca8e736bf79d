/// Where storages go when a checkpoint is loaded: PyTorch's `map_location`, on the names of devices.
public enum MapLocation: Sendable {
  /// Every storage to the device with this name.
  case all(String)
  /// The storages of each device that is a key here to the device that is its value; the others stay.
  case dictionary([String: String])
  /// What a function says for the name of the device.
  case function(@Sendable (String) -> String)

  /// Where a storage that was saved from `location` goes.
  public func callAsFunction(_ location: String) -> String {
    switch self {
    case .all(let device): device
    case .dictionary(let devices): devices[location] ?? location
    case .function(let function): function(location)
    }
  }
}

extension MapLocation: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral {
  public init(stringLiteral value: String) { self = .all(value) }
  public init(dictionaryLiteral elements: (String, String)...) {
    self = .dictionary(Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }
}
