// headscope operator list and show: what may stand in a head's place.
#include <CLI/CLI.hpp>

#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "lib/attention/operators/operator_choice.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

OrderedJson parameters_json(const AttentionOperator& kind) {
  OrderedJson list = OrderedJson::array();
  for (const OperatorParameter& each : kind.parameters) {
    list.push_back({{"name", each.name},
                    {"meaning", each.meaning},
                    {"default", each.otherwise ? OrderedJson(*each.otherwise) : OrderedJson()},
                    {"least", each.least}});
  }
  return list;
}

OrderedJson operator_json(const AttentionOperator& kind) {
  return {{"operator", kind.name},
          {"kind", to_string(kind.kind)},
          {"summary", kind.summary},
          {"definition", kind.definition},
          {"parameters", parameters_json(kind)},
          {"source", kind.source},
          {"untrained", kind.untrained.empty() ? OrderedJson() : OrderedJson(kind.untrained)}};
}

// "sink=4,local=…": what is told and what may be left out.
std::string short_form(const AttentionOperator& kind) {
  std::string text(kind.name);
  for (const OperatorParameter& each : kind.parameters) {
    text += &each == &kind.parameters.front() ? ":" : ",";
    text += each.otherwise ? fmt::format("{}={}", each.name, *each.otherwise)
                           : fmt::format("{}=…", each.name);
  }
  return text;
}

void list_operators(const Invocation& invocation) {
  Table table({{"operator"}, {"kind"}, {"summary"}});
  OrderedJson list = OrderedJson::array();
  for (const AttentionOperator& kind : all_operators()) {
    table.row({short_form(kind), to_string(kind.kind), kind.summary});
    list.push_back(operator_json(kind));
  }
  show(invocation, {{"operators", list}}, table.text());
}

void show_operator(const std::string& name, const Invocation& invocation) {
  const AttentionOperator& kind = find_operator(name);
  std::vector<std::pair<std::string, std::string>> lines{
      {"operator", short_form(kind)},
      {"kind", std::string(to_string(kind.kind))},
      {"summary", std::string(kind.summary)},
      {"definition", std::string(kind.definition)}};
  for (const OperatorParameter& each : kind.parameters) {
    lines.emplace_back(std::string(each.name), std::string(each.meaning));
  }
  lines.emplace_back("source", std::string(kind.source));
  lines.emplace_back("untrained", std::string(kind.untrained));
  show(invocation, operator_json(kind), facts(lines));
}

}  // namespace

Verb operator_list_verb() {
  return {.name = "operator list",
          .summary = "The operators that may stand in a head's place",
          .example = "  headscope operator list\n  headscope operator list --json",
          .bind = [](CLI::App&, const Invocation& invocation) -> std::function<void()> {
            return [&invocation] { list_operators(invocation); };
          }};
}

Verb operator_show_verb() {
  return {.name = "operator show",
          .summary = "One operator: what it computes, its parameters, its paper",
          .example = "  headscope operator show streaming",
          .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
            auto name = std::make_shared<std::string>();
            app.add_option("OPERATOR", *name, "A name of operator list")->required();
            return [name, &invocation] { show_operator(*name, invocation); };
          }};
}

}  // namespace headscope
