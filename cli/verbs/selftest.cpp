// headscope selftest: identities that a model must satisfy, whatever its family and weights.
#include <CLI/CLI.hpp>

#include "analyses/selftest/self_check.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

Table table_of(const std::vector<SelfCheckResult>& results) {
  Table table({{.name = "check"},
               {.name = "holds"},
               {.name = "off by", .digits = 8},
               {.name = "allowed", .digits = 8},
               {.name = "where"},
               {.name = "identity"}});
  for (const SelfCheckResult& result : results) {
    const bool run = result.undefined.empty();
    const auto cell = [&](double value) { return run ? cell_of(value) : OrderedJson(); };
    table.row({std::string(result.check->name),
               run ? OrderedJson(result.holds()) : OrderedJson(),
               cell(result.deviation.value),
               cell(result.tolerance),
               run ? result.deviation.where : "not defined: " + result.undefined,
               std::string(result.check->says)});
  }
  return table;
}

void run_selftest(const std::string& name, const Invocation& invocation) {
  const CommonOptions& common = invocation.common;
  const Model model = load_model(name, load_options(common));
  const auto results =
      self_test({.model = model, .prompts = self_test_prompts(model.config(), common.seed)});
  const Table table = table_of(results);
  show(invocation,
       {{"model", name},
        {"weights", model.source().weights_hash},
        {"dtype", std::string(to_string(model.dtype()))},
        {"seed", common.seed},
        {"checks", table.json()}},
       table.text());
  for (const SelfCheckResult& result : results) {
    if (result.undefined.empty() && !result.holds()) {
      throw DataError(
          "{}: {} does not hold for this model: {} is off by {:.2e} of its size ({:.1e} allowed)",
          name,
          result.check->name,
          result.deviation.where,
          result.deviation.value,
          result.tolerance);
    }
  }
}

}  // namespace

Verb selftest_verb() {
  return {
      .name = "selftest",
      .summary = "Checks a model against identities that every transformer satisfies",
      .example =
          "  headscope selftest smollm2\n"
          "  headscope selftest path/to/model --dtype bf16 --json",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto model = std::make_shared<std::string>();
        add_model(app, *model);
        return [model, &invocation] { run_selftest(*model, invocation); };
      },
  };
}

}  // namespace headscope
