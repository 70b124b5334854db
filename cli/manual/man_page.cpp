#include "cli/manual/man_page.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/version.h"

namespace headscope {
namespace {

// A text as man(7) prints it letter by letter: dashes that can be copied, backslashes, and no line
// that begins like a request.
std::string roff(const std::string& text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) {
      out += "\\&";
    }
    line_begins = c == '\n';
    out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  }
  return out;
}

std::string title(const std::string& name, const std::string& summary) {
  std::string upper = name;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return fmt::format(".TH {} 1 \"\" \"headscope {}\" \"headscope\"\n.SH NAME\n{} \\- {}\n",
                     upper,
                     kVersion,
                     roff(name),
                     roff(summary));
}

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '-');
  return "headscope-" + name;
}

std::string entries(const std::string& heading, const std::vector<OptionText>& options) {
  std::string out = options.empty() ? "" : fmt::format(".SH {}\n", heading);
  for (const OptionText& option : options) {
    const std::string names = roff(fmt::format("{}", fmt::join(option.names, ", ")));
    const std::string value =
        option.choices.empty() ? option.value : fmt::format("{}", fmt::join(option.choices, "|"));
    const std::string fallback = option.fallback.empty() ? "" : " [" + option.fallback + "]";
    out += fmt::format(
        ".TP\n\\fB{}\\fR {}\n{}\n", names, roff(value + fallback), roff(option.description));
  }
  return out;
}

constexpr const char* kExitStatus =
    ".SH EXIT STATUS\n0 done, 1 internal error, 2 usage, 3 bad data, 4 resources (memory, disk, "
    "GPU), "
    "130 interrupted.\n";

}  // namespace

std::string page_file(const VerbText& verb) {
  return dashed(verb.name) + ".1";
}

std::string verb_page(const VerbText& verb) {
  std::string operands;
  for (const OptionText& operand : verb.operands) {
    operands += " " + operand.names.front();
  }
  return title(dashed(verb.name), verb.summary) +
         fmt::format(
             ".SH SYNOPSIS\n\\fBheadscope {}\\fR{} [options]\n", verb.name, roff(operands)) +
         entries("OPERANDS", verb.operands) + entries("OPTIONS", verb.options) +
         fmt::format(".SH EXAMPLE\n.nf\n{}\n.fi\n", roff(verb.example)) + kExitStatus +
         ".SH SEE ALSO\n.BR headscope (1)\n";
}

std::string program_page(const std::vector<VerbText>& verbs) {
  std::string page =
      title("headscope", "attention heads of language models, recorded, seen and changed");
  page += ".SH SYNOPSIS\n\\fBheadscope\\fR VERB [operands] [options]\n.SH VERBS\n";
  for (const VerbText& verb : verbs) {
    page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", roff(verb.name), roff(verb.summary));
  }
  return page + kExitStatus;
}

}  // namespace headscope
