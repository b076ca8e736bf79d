import ArgumentParser

/// The script that a shell reads to complete `cairn`'s command line: the argument parser's, and what that lacks.
enum CompletionScript {
  static func text(for shell: CompletionShell) -> String {
    let script = CairnCommand.completionScript(for: shell) + "\n"
    switch shell {
    case .bash: return script + bashHelp + bashWords
    case .zsh: return inserted(zshHelp, beforeTheEndOf: script)
    case .fish: return script + fishHelp
    default: return script
    }
  }

  private static var words: [String] {
    HelpTopic.all.map(\.name) + CairnCommand.commandNames
  }

  // MARK: - cairn help

  private static var bashHelp: String {
    """

    _cairn_help() {
        __cairn_add_completions -W '\(words.joined(separator: "'$'\\n''"))'
    }

    """
  }

  private static var zshHelp: String {
    let topics = HelpTopic.all.map { "'\($0.name):\($0.abstract.replacing("'", with: "'\\''"))'" }
    return """
      _cairn_help() {
          local -ar topics=(\(topics.joined(separator: " ")))
          local -ar commands=(\(CairnCommand.commandNames.joined(separator: " ")))
          _describe topic topics
          _describe command commands
      }

      """
  }

  private static var fishHelp: String {
    let condition = "__cairn_should_offer_completions_for_positional \"cairn help\" -eq 1"
    let topics = HelpTopic.all.map {
      "complete -c cairn -n '\(condition)' -fa '\($0.name)' -d '\($0.abstract.replacing("'", with: "\\'"))'\n"
    }
    let commands = "complete -c cairn -n '\(condition)' -fa '\(CairnCommand.commandNames.joined(separator: " "))'\n"
    return topics.joined() + commands
  }

  /// zsh runs the file's end at the first completion: what should count then has to stand before.
  private static func inserted(_ part: String, beforeTheEndOf script: String) -> String {
    guard let end = script.range(of: "\nif [[ \"${funcstack[1]}\"", options: .backwards) else { return script + part }
    return script[..<end.lowerBound] + "\n" + part + script[end.lowerBound...]
  }

  // MARK: - Words in bash

  /// Bash ends words at `@`, `=` and `:` too, which names have in them, and does not take escapes out of the word that
  /// it has completed.
  private static let bashWords = #"""

    # Calls the function above with words as cairn gets them: not ended at @, = and :, but for --option=value.
    __cairn_words() {
        local rest="${COMP_LINE}" word blank
        local -a words=()
        local -i index last=-1 current=0
        for ((index = 0; index < ${#COMP_WORDS[@]}; index++)); do
            word="${COMP_WORDS[index]}"
            blank="${rest%%[![:space:]]*}"
            if ((last >= 0)) && [[ -z "${blank}" && -n "${rest}" ]]; then
                words[last]+="${word}"
            else
                words[++last]="${word}"
            fi
            rest="${rest#"${blank}${word}"}"
            if ((index == COMP_CWORD)); then
                current=last
                break
            fi
        done
        local whole="${words[current]}" option=''
        if [[ "${whole}" == --*=* ]]; then
            option="${whole%%=*}"
            whole="${whole#*=}"
            words[current]="${option}"
            words[++current]="${whole}"
        fi
        # What bash will put the completion in the place of is its second argument: the rest stands before it.
        local tail="${2}"
        [[ -n "${option}" && "${tail}" == '=' ]] && tail=''
        local head="${whole%"${tail}"}"
        case "${whole}" in
        [\"\']*) whole="${whole:1}" head="${head:1}" ;;
        *) whole="${whole//\\/}" head="${head//\\/}" ;;
        esac
        words[current]="${whole}"
        local -a COMP_WORDS=("${words[@]}")
        local -i COMP_CWORD=current
        local COMP_LINE="${words[*]}"
        local -i COMP_POINT=${#COMP_LINE}
        COMP_LINE+="${rest}"
        _cairn "${words[0]}" "${whole}" "${words[current - 1]}"
        # A version is no file name, whose @ would be escaped.
        [[ "${tail}" == @* ]] && compopt +o filenames 2>/dev/null
        [[ -n "${head}" ]] && COMPREPLY=("${COMPREPLY[@]#"${head}"}")
        return 0
    }

    complete -o filenames -F __cairn_words cairn

    """#
}
