import ArgumentParser
import Cairn

/// What the shell offers for an argument: names out of the repository, and files.
///
/// It is asked for while somebody types: nothing is printed but candidates, whatever is wrong, and few of them.
enum Completions {
  /// A checkpoint: a path, `path@n`, a tag, or a pointer file.
  static let checkpoint = CompletionKind.custom { words, index, prefix in
    let line = TypedLine(words, index, prefix)
    return offered(line.names { try $0.checkpoints(line.prefix) } + FileNames.checkpoints(line.prefix))
  }

  /// A name in the repository, and no file.
  static let path = CompletionKind.custom { words, index, prefix in
    let line = TypedLine(words, index, prefix)
    return offered(line.names { try $0.paths(line.prefix) })
  }

  /// A checkpoint, or any file.
  static let checkpointOrFile = CompletionKind.custom { words, index, prefix in
    let line = TypedLine(words, index, prefix)
    return offered(line.names { try $0.checkpoints(line.prefix) } + FileNames.all(line.prefix))
  }

  /// A run.
  static let run = CompletionKind.custom { words, index, prefix in
    let line = TypedLine(words, index, prefix)
    return offered(line.names { try $0.repository.runNames(beginningWith: line.prefix, limit: CompletedNames.most) })
  }

  /// A tag.
  static let tag = CompletionKind.custom { words, index, prefix in
    let line = TypedLine(words, index, prefix)
    return offered(line.names { try $0.repository.tagNames(beginningWith: line.prefix, limit: CompletedNames.most) })
  }

  /// A metric, without its value.
  static let metric = CompletionKind.custom { words, index, prefix in
    let line = TypedLine(words, index, prefix)
    return offered(
      line.names { try $0.repository.metricNames(beginningWith: line.prefix, limit: CompletedNames.most) })
  }

  /// A tensor of the checkpoint that stands before it on the line.
  static let tensor = CompletionKind.custom { words, index, prefix in
    let line = TypedLine(words, index, prefix)
    return offered(line.names { try $0.tensors(line.prefix, ofFirst: line.earlier) })
  }

  /// A tensor of any checkpoint, or any file.
  static let tensorOrFile = CompletionKind.custom { words, index, prefix in
    let line = TypedLine(words, index, prefix)
    let tensors = line.names {
      try $0.repository.tensorNames(beginningWith: line.prefix, limit: CompletedNames.most)
    }
    return offered(tensors + FileNames.all(line.prefix))
  }

  /// Each once, as the shell that asks wants them written.
  private static func offered(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }.map { quoted($0, for: CompletionShell.requesting) }
  }

  /// Names come from anybody. Bash expands what it is offered, commands in it included; zsh takes what follows a colon for
  /// a description.
  static func quoted(_ name: String, for shell: CompletionShell?) -> String {
    switch shell {
    case .bash?: "'" + name.replacing("'", with: "'\\''") + "'"
    case .zsh?: name.replacing("\\", with: "\\\\").replacing(":", with: "\\:")
    default: name
    }
  }
}
