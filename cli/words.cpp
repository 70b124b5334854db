#include "cli/words.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

// "--name" or "-n"; nothing for a word that is no option of the verb's.
const CLI::Option* option_of(const CLI::App& verb, const std::string& flag) {
  return flag.size() > 1 && flag.front() == '-' ? verb.get_option_no_throw(flag) : nullptr;
}

// "patch", "sae train".
std::string words_before_options(const CLI::App& verb) {
  const CLI::App* parent = verb.get_parent();
  return parent != nullptr && parent->get_parent() != nullptr
             ? parent->get_name() + " " + verb.get_name()
             : verb.get_name();
}

[[noreturn]] void fail_unknown(const CLI::App& verb, const std::string& flag) {
  std::vector<std::string> known{"--help"};
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      known.push_back("--" + name);
    }
  }
  throw UsageError("{}: no such option{} (headscope {} --help lists them)",
                   visible(flag, Spaces::kept),
                   did_you_mean(flag, known),
                   words_before_options(verb));
}

std::string long_name(const CLI::Option& option) {
  return "--" + (option.get_lnames().empty() ? option.get_name() : option.get_lnames().front());
}

// CLI11 reads an empty number as 0 and, where it has to be unsigned, −1 as a very large one.
void check_number(const CLI::Option& option, const std::string& value) {
  const std::string type = option.get_type_name();
  const bool is_unsigned = type.starts_with("UINT");
  const bool is_number = is_unsigned || type.starts_with("INT") || type.starts_with("FLOAT");
  if (is_number && value.empty()) {
    throw UsageError("{}: is empty; give a number", long_name(option));
  }
  if (is_unsigned && value.find('-') != std::string::npos) {
    throw UsageError("{} {}: is negative; give a whole number from 0 up",
                     long_name(option),
                     visible(value, Spaces::kept));
  }
  std::uint64_t whole = 0;  // CLI11 takes what 64 bits cannot hold for the largest they can
  if (is_unsigned && std::from_chars(value.data(), value.data() + value.size(), whole).ec ==
                         std::errc::result_out_of_range) {
    throw UsageError("{} {}: is too large; give a whole number below 2^64",
                     long_name(option),
                     visible(value, Spaces::kept));
  }
}

bool names_hooks(const CLI::Option& option) {
  return option.check_lname("hooks") || option.check_lname("hook");
}

bool is_hook_point(const std::string& word) {
  return word.starts_with("blocks.") || word.find("hook_") != std::string::npos;
}

class TypedWords {
 public:
  TypedWords(const CLI::App& verb, const std::vector<std::string>& typed)
      : verb_(verb), typed_(typed) {}

  std::vector<std::string> all() {
    while (at_ < typed_.size() && typed_[at_] != "--") {
      take(typed_[at_++]);
    }
    words_.insert(words_.end(), typed_.begin() + static_cast<std::ptrdiff_t>(at_), typed_.end());
    return std::move(words_);
  }

 private:
  void take(const std::string& word) {
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string flag = word.substr(0, equals);
    const CLI::Option* option = option_of(verb_, flag);
    if (option == nullptr && flag.starts_with("--")) {
      fail_unknown(verb_, flag);
    }
    if (option == nullptr || !takes_value(*option)) {
      words_.push_back(word);
      return;
    }
    words_.push_back(flag);
    if (equals != std::string::npos) {
      take_value(*option, word.substr(equals + 1));
    } else if (at_ < typed_.size()) {
      take_value(*option, typed_[at_++]);
    }
  }

  void take_value(const CLI::Option& option, const std::string& value) {
    check_number(option, value);
    words_.push_back(value);
    if (names_hooks(option) && at_ < typed_.size() && is_hook_point(typed_[at_])) {
      throw UsageError(
          "{}: a second hook point behind {}; quote a pattern with braces, which the shell takes "
          "apart ('blocks.{{0,1}}.attn.hook_z'), or give {} again",
          visible(typed_[at_], Spaces::kept),
          visible(value, Spaces::kept),
          long_name(option));
    }
  }

  const CLI::App& verb_;
  const std::vector<std::string>& typed_;
  std::size_t at_ = 0;
  std::vector<std::string> words_;
};

}  // namespace

std::vector<std::string> words_of(const CLI::App& verb, const std::vector<std::string>& typed) {
  return TypedWords(verb, typed).all();
}

void refuse_empty_values(const CLI::App& verb) {
  constexpr std::string_view kMayBeEmpty[] = {"--prompt", "--system", "--stop"};
  for (const CLI::Option* option : verb.get_options()) {
    const std::string name = option->get_lnames().empty() ? option->get_name() : long_name(*option);
    const auto& values = option->results();
    if (std::find(values.begin(), values.end(), "") != values.end() &&
        std::find(std::begin(kMayBeEmpty), std::end(kMayBeEmpty), name) == std::end(kMayBeEmpty)) {
      throw UsageError(
          "{}: is empty; give a value{}", name, option->get_required() ? "" : ", or leave it out");
    }
  }
}

}  // namespace headscope
