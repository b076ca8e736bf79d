import GRDB

/// What a name stands for in a repository.
///
/// A bare name is, in this order: a column; a metric that some checkpoint has, if all its parts are keys (`train.loss` is
/// the metric of that name); a path into what was said when the checkpoint was saved (`metadata`), or, where that has
/// nothing there, into what was read out of it (`extracted`). In both, `a.b` is the member `b` of the member `a`, or else
/// the member that is called `a.b`. `metrics.…`, `metadata.…` and `extracted.…` say which is meant.
enum Quantity {
  case column(CheckpointColumn)
  case metric(String)
  /// Paths into JSON, the first that leads to a value of the wanted type counts.
  case values([JSONPlace])

  /// A path into one of the documents.
  struct JSONPlace {
    enum Document: String, CaseIterable {
      case metadata, extracted

      var sql: SQL { self == .metadata ? "c.metadata" : "m.metadata" }
    }

    var document: Document
    /// As SQLite's JSON functions take it: `$."hyper_parameters"."lr"`.
    var path: String
  }

  /// Types of JSON values that compare with each other.
  enum JSONType {
    case number, text, bool
    /// Any of these.
    case scalar

    var names: SQL {
      switch self {
      case .number: return "'integer', 'real'"
      case .text: return "'text'"
      case .bool: return "'true', 'false'"
      case .scalar: return "'integer', 'real', 'text', 'true', 'false'"
      }
    }
  }
}

extension [Quantity.JSONPlace] {
  /// The first value of a type; NULL if there is none.
  func value(_ type: Quantity.JSONType) -> SQL {
    coalesced { place in
      let (document, path) = (place.document.sql, place.path)
      return """
        CASE WHEN json_type(\(document), \(path)) IN (\(type.names)) THEN json_extract(\(document), \(path)) END
        """
    }
  }

  /// The type of the first value of any type; NULL if there is none.
  var type: SQL { coalesced { "nullif(json_type(\($0.document.sql), \($0.path)), 'null')" } }

  private func coalesced(_ sql: (Quantity.JSONPlace) -> SQL) -> SQL {
    // NULL after them: coalesce wants two.
    "coalesce(\(map(sql).joined(separator: ", ")), NULL)"
  }
}
