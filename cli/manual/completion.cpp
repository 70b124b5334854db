#include "cli/manual/completion.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace headscope {
namespace {

// The first words of verbs, each once; of a group ("sae"), the second words too.
struct VerbWords {
  std::vector<std::string> first;
  std::map<std::string, std::vector<std::string>> second;
};

VerbWords words_of_verbs(const std::vector<VerbText>& verbs) {
  VerbWords words;
  for (const VerbText& verb : verbs) {
    const std::size_t space = verb.name.find(' ');
    const std::string first = verb.name.substr(0, space);
    if (std::find(words.first.begin(), words.first.end(), first) == words.first.end()) {
      words.first.push_back(first);
    }
    if (space != std::string::npos) {
      words.second[first].push_back(verb.name.substr(space + 1));
    }
  }
  return words;
}

std::string option_names(const VerbText& verb) {
  std::vector<std::string> names;
  for (const OptionText& option : verb.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return fmt::format("{}", fmt::join(names, " "));
}

// What bash and zsh share: `words` becomes what may follow `verb`, and the values of the option
// `before` where they are fixed.
std::string cases(const std::vector<VerbText>& verbs) {
  std::string out = "  case \"$verb\" in\n";
  for (const auto& [group, names] : words_of_verbs(verbs).second) {
    out += fmt::format("    '{}') words='{}' ;;\n", group, fmt::join(names, " "));
  }
  for (const VerbText& verb : verbs) {
    out += fmt::format("    '{}') words='{}'\n", verb.name, option_names(verb));
    std::string values;
    for (const OptionText& option : verb.options) {
      if (!option.choices.empty()) {
        values += fmt::format("        {}) words='{}' ;;\n",
                              fmt::join(option.names, "|"),
                              fmt::join(option.choices, " "));
      }
    }
    out +=
        values.empty() ? "      ;;\n" : "      case \"$before\" in\n" + values + "      esac ;;\n";
  }
  return out + "  esac\n";
}

// For single quotes in fish.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c == '\n' ? ' ' : c);
  }
  return out + "'";
}

std::string fish_option(const std::string& condition, const OptionText& option) {
  std::string line = "complete -c headscope -n " + fish_quoted(condition);
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!option.choices.empty()) {
    line += " -x -a " + fish_quoted(fmt::format("{}", fmt::join(option.choices, " ")));
  } else if (!option.value.empty()) {
    line += " -r";
  }
  return line + " -d " + fish_quoted(option.description) + "\n";
}

}  // namespace

std::string bash_completion(const std::vector<VerbText>& verbs) {
  const VerbWords words = words_of_verbs(verbs);
  std::vector<std::string> groups;  // there are some: sae, circuit
  for (const auto& [group, names] : words.second) {
    groups.push_back(group);
  }
  return fmt::format(R"sh(# bash completion of headscope
_headscope() {{
  local now=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} verb=${{COMP_WORDS[1]}} words=''
  [ "$COMP_CWORD" -eq 1 ] && verb=''
  case "$verb" in {}) [ "$COMP_CWORD" -gt 2 ] && verb="$verb ${{COMP_WORDS[2]}}" ;; esac
  [ -z "$verb" ] && words='{} help --help --version'
)sh",
                     fmt::join(groups, "|"),
                     fmt::join(words.first, " ")) +
         cases(verbs) +
         R"sh(  case "$now" in -*) ;; *) case "$words" in -*) return ;; esac ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$now"))
}
complete -o default -F _headscope headscope
)sh";
}

std::string zsh_completion(const std::vector<VerbText>& verbs) {
  return "#compdef headscope\n# zsh completion of headscope, by way of bash's\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_completion(verbs);
}

std::string fish_completion(const std::vector<VerbText>& verbs) {
  std::string out = "# fish completion of headscope\n";
  const VerbWords words = words_of_verbs(verbs);
  for (const std::string& first : words.first) {
    out += fmt::format("complete -c headscope -f -n __fish_use_subcommand -a {}\n", first);
  }
  for (const VerbText& verb : verbs) {
    const std::size_t space = verb.name.find(' ');
    std::string condition = "__fish_seen_subcommand_from " + verb.name.substr(0, space);
    if (space != std::string::npos) {
      const std::string second = verb.name.substr(space + 1);
      out += fmt::format("complete -c headscope -f -n {} -a {} -d {}\n",
                         fish_quoted(condition),
                         second,
                         fish_quoted(verb.summary));
      condition += "; and __fish_seen_subcommand_from " + second;
    }
    for (const OptionText& option : verb.options) {
      out += fish_option(condition, option);
    }
  }
  return out;
}

}  // namespace headscope
