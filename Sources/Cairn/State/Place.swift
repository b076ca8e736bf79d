/// Where in a state a value is; made into text only if an error has to say so.
struct Place {
  private indirect enum Link {
    case root
    case key(Checkpoint, below: Link)
    case position(Int, below: Link)
    case name(String, below: Link)
  }
  private var link = Link.root

  func child(_ key: Checkpoint) -> Place { Place(link: .key(key, below: link)) }
  func child(_ position: Int) -> Place { Place(link: .position(position, below: link)) }
  func child(_ name: String) -> Place { Place(link: .name(name, below: link)) }

  init() {}
  private init(link: Link) { self.link = link }

  /// The dotted path.
  var text: String {
    var parts: [String] = []
    var link = link
    while true {
      switch link {
      case .root: return parts.reversed().joined(separator: ".")
      case .key(let key, let below):
        switch key {
        case .string(let text): parts.append(text)
        case .int(let number): parts.append(String(number))
        case .bool(let value): parts.append(value ? "True" : "False")
        case .null: parts.append("None")
        default: parts.append("(key)")
        }
        link = below
      case .position(let position, let below):
        parts.append(String(position))
        link = below
      case .name(let name, let below):
        parts.append(name)
        link = below
      }
    }
  }
}
