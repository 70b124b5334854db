#include "cli/option_words.h"

#include <set>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace headscope {
namespace {

constexpr double kAsGoodAsAny = 65536;  // an upper limit from here on keeps nobody from anything

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

// CLI11 writes a range into the name of the type: "INT:INT in [0 - 4096]".
std::string range_words(const std::string& type) {
  const std::size_t begin = type.find(" in [");
  const std::size_t between = type.find(" - ", begin);
  const std::size_t end = type.find(']', begin);
  if (begin == std::string::npos || between == std::string::npos || end == std::string::npos) {
    return "";
  }
  const std::string least = type.substr(begin + 5, between - begin - 5);
  const std::string most = type.substr(between + 3, end - between - 3);
  return std::stod(most) < kAsGoodAsAny ? fmt::format("{} to {}", least, most)
                                        : fmt::format("{} or more", least);
}

std::string names_of(const std::set<CLI::Option*>& options) {
  std::vector<std::string> names;
  for (const CLI::Option* option : options) {
    names.push_back(option->get_name());
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

class HelpFormat : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string value = option_value(*option);
    const std::string notes = option_notes(*option);
    return (value.empty() || value == option->get_name(true, false) ? "" : " " + value) +
           (notes.empty() ? "" : " (" + notes + ")");
  }
};

}  // namespace

std::vector<std::string> option_choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();  // "TEXT:{f32,bf16}", "TEXT:{a | b}"
  const std::size_t begin = type.find('{');
  const std::size_t end = type.rfind('}');
  std::vector<std::string> choices;
  if (!takes_value(option) || begin == std::string::npos || end == std::string::npos ||
      end < begin) {
    return choices;
  }
  const std::string all = type.substr(begin + 1, end - begin - 1);
  std::istringstream words(all);
  for (std::string word;
       std::getline(words, word, all.find('|') == std::string::npos ? ',' : '|');) {
    choices.push_back(trimmed(word));
  }
  return choices;
}

std::string option_value(const CLI::Option& option) {
  if (!takes_value(option)) {
    return "";
  }
  const std::vector<std::string> choices = option_choices(option);
  if (!choices.empty()) {
    return fmt::format("{}", fmt::join(choices, "|"));
  }
  const std::string type = option.get_type_name();
  const std::string kind = type.substr(0, type.find(':'));
  if (kind == "TEXT" && option.get_positional()) {
    return option.get_name(true, false);  // MODEL says what it is
  }
  return kind == "INT" || kind == "UINT" || kind == "FLOAT" ? "NUMBER" : kind;
}

std::string option_notes(const CLI::Option& option) {
  std::vector<std::string> notes;
  const auto note = [&](const std::string& text) {
    if (!text.empty()) {
      notes.push_back(text);
    }
  };
  note(option.get_required() ? "required" : "");
  note(takes_value(option) ? range_words(option.get_type_name()) : "");
  note(option.get_expected_max() > 1 ? "several" : "");
  note(option.get_default_str().empty() ? "" : "default " + option.get_default_str());
  note(option.get_needs().empty() ? "" : "with " + names_of(option.get_needs()));
  note(option.get_excludes().empty() ? "" : "not with " + names_of(option.get_excludes()));
  return fmt::format("{}", fmt::join(notes, "; "));
}

std::shared_ptr<CLI::Formatter> help_format() {
  return std::make_shared<HelpFormat>();
}

}  // namespace headscope
