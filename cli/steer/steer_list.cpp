// headscope steer list.
#include <algorithm>

#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/steer/steer_options.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::size_t kMethodWidth = 80;

OrderedJson method_json(const SteerMethod& method) {
  return {{"method", method.name},
          {"summary", method.summary},
          {"definition", method.definition},
          {"settings", method.reads},
          {"source", method.source}};
}

// Words in lines of at most `width` characters.
std::vector<std::string> lines_of(std::string_view text, std::size_t width) {
  std::vector<std::string> lines{""};
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) {
      lines.emplace_back();
    }
    lines.back() += (lines.back().empty() ? "" : " ") + std::string(word);
  }
  return lines;
}

std::string method_text(const SteerMethod& method) {
  std::string settings;
  for (const std::string_view name : method.reads) {
    settings += (settings.empty() ? "--" : " --") + std::string(name);
  }
  std::string out;
  for (const auto& [label, text] : std::vector<std::pair<std::string, std::string>>{
           {"method", std::string(method.name)},
           {"summary", std::string(method.summary)},
           {"definition", std::string(method.definition)},
           {"settings", settings},
           {"source", std::string(method.source)}}) {
    std::string head = label;
    for (const std::string& line : lines_of(text, kMethodWidth - 12)) {
      out += fmt::format("{:<12}{}\n", head, line);
      head.clear();
    }
  }
  return out;
}

}  // namespace

void list_steer_methods(const SteerOptions& options, const Invocation& invocation) {
  if (options.words.size() > 1) {
    throw UsageError("steer list, or steer list METHOD");
  }
  if (!options.words.empty()) {
    const SteerMethod& method = find_steer_method(options.words[0]);
    show(invocation, method_json(method), method_text(method));
    return;
  }
  Table table({{"method"}, {"summary"}});
  OrderedJson methods = OrderedJson::array();
  for (const SteerMethod& method : all_steer_methods()) {
    table.row({std::string(method.name), std::string(method.summary)});
    methods.push_back(method_json(method));
  }
  show(invocation,
       {{"methods", methods}},
       table.text() + "\nheadscope steer list METHOD tells its formulas, settings and source.\n");
}

}  // namespace headscope
