// headscope operator plan: which heads keep their whole attention under a budget.
#include <filesystem>
#include <memory>

#include <CLI/CLI.hpp>

#include "analyses/operators/plan_method.h"
#include "cli/operators/operator_texts.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/named.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

struct PlanArguments {
  std::string model;
  std::string method;
  std::string choice = "streaming:sink=4,local=64";
  PlanRequest request;
  OperatorTexts texts;  // of methods that read some
  std::string out;
  bool overwrite = false;
};

OrderedJson plan_json(const PlanArguments& options,
                      const Invocation& invocation,
                      const Model& model,
                      const AttentionPlan& plan) {
  OrderedJson json = plan_document(plan, model);
  const Json from =
      provenance(model, {.command_line = invocation.command_line, .seed = invocation.common.seed});
  json["made"] = {{"method", options.method},
                  {"budget", options.request.budget},
                  {"from", options.request.file},
                  {"seed", invocation.common.seed},
                  {"command_line", invocation.command_line},
                  {"headscope_version", from.at("headscope_version")},
                  {"created", from.at("created")}};
  return json;
}

// Of a method that says which KV heads keep everything.
void plan_kept(const PlanArguments& options,
               const Invocation& invocation,
               const Model& model,
               const PlanMethod& method) {
  const OperatorChoice choice = parse_operator(options.choice);
  const std::vector<HeadId> kept = heads_kept(model, method, options.request);
  const OrderedJson json = plan_json(options, invocation, model, plan_around(model, kept, choice));
  const bool tsv = std::filesystem::path(options.out).extension() == ".tsv";
  write_file(options.out, tsv ? duo_attention_tsv(model, kept) : json.dump(1) + "\n");
  const auto all = static_cast<std::size_t>(model.config().n_layers * model.config().n_kv_heads);
  OrderedJson heads = OrderedJson::array();
  std::string names;
  for (const HeadId& head : kept) {
    heads.push_back(head_json(head));
    names += (names.empty() ? "" : " ") + to_string(head);
  }
  show(invocation,
       {{"file", options.out},
        {"method", options.method},
        {"operator", to_string(choice)},
        {"kv_heads", all},
        {"kept_kv_heads", heads}},
       facts({{"file", options.out},
              {"method", std::string(method.summary)},
              {"operator", to_string(choice)},
              {"kept", fmt::format("{} of {}", kept.size(), counted(all, "KV head"))},
              {"KV heads", names}}));
}

// Of a method that chooses the operators too.
void plan_chosen(const PlanArguments& options,
                 const Invocation& invocation,
                 const Model& model,
                 const PlanMethod& method) {
  PlanRequest request = options.request;
  request.texts = operator_texts(options.texts, model, "operator plan --method " + options.method);
  const AttentionPlan plan = chosen_plan(model, method, request);
  write_file(options.out, plan_json(options, invocation, model, plan).dump(1) + "\n");
  Table table({{"operator"}, {"query heads"}});
  for (const AttentionPlan::Part& part : plan.parts()) {
    table.row({to_string(part.choice), part.heads.size()});
  }
  show(invocation,
       {{"file", options.out}, {"method", options.method}, {"parts", table.json()}},
       facts({{"file", options.out}, {"method", std::string(method.summary)}}) + "\n" +
           table.text());
}

void plan(PlanArguments options, const Invocation& invocation) {
  const PlanMethod& method = find_named(
      all_plan_methods(), options.method, fmt::format("--method {}: no such way", options.method));
  if (path_exists(options.out) && !options.overwrite) {
    throw UsageError("{}: exists; --overwrite replaces it", options.out);
  }
  if (method.plan != nullptr && std::filesystem::path(options.out).extension() == ".tsv") {
    throw UsageError("--method {} gives spans, which DuoAttention's .tsv cannot say; write a .json",
                     method.name);
  }
  options.request.seed = invocation.common.seed;
  const Model model = load_model(options.model, load_options(invocation.common));
  (method.plan != nullptr ? plan_chosen : plan_kept)(options, invocation, model, method);
}

void add_options(CLI::App& app, PlanArguments& options) {
  add_model(app, options.model);
  app.add_option("--method", options.method, "greedy, list, razor, moa or random")->required();
  app.add_option(
         "--budget",
         options.request.budget,
         "Share of the KV heads that keep everything; of moa, of the pairs of query and key that "
         "stay")
      ->required();
  app.add_option("--from",
                 options.request.file,
                 "What the method reads: greedy a measurement (.h5), list a list of heads")
      ->check(names_a_file);
  app.add_option("--operator", options.choice, "What the other heads get")->capture_default_str();
  app.add_option("--razor-tokens", options.request.razor_tokens, "Of razor: tokens in a round of 4")
      ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 30))
      ->capture_default_str();
  add_operator_texts(app, options.texts);
  add_output(app, options.out, "The plan (.json), or the heads kept as DuoAttention's .tsv")
      ->required();
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
}

}  // namespace

Verb operator_plan_verb() {
  return {
      .name = "operator plan",
      .summary = "Which heads keep their whole attention under a budget, and which get an operator",
      .example =
          "  headscope operator plan smollm2 --method greedy --from m.h5 --budget 0.5 -o "
          "plan.json\n"
          "  headscope operator plan smollm2 --method razor --budget 0.25 -o plan.json\n"
          "  headscope operator plan llama-8b --method list --from full_attention_heads.tsv "
          "--budget 0.5 -o plan.json\n"
          "  headscope operator plan smollm2 --method moa --text book.txt --budget 0.5 -o "
          "plan.json\n"
          "  headscope generate smollm2 --attention plan.json --prompt \"The film was\"\n"
          "\n"
          "Heads that share keys and values get the same: greedy sums what they cost, list and "
          "razor take\ntheir largest score. -o FILE.tsv writes DuoAttention's format, 1 for a KV "
          "head that is kept.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<PlanArguments>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          if (options->method != "razor") {
            refuse_without(app, {"razor-tokens"}, "--method razor");
          }
          if (options->method == "moa") {
            refuse_without(app, {"operator"}, "a --method that chooses heads alone");
          } else {
            refuse_without(app, {"text", "prompts", "prompt", "prepend-bos"}, "--method moa");
          }
          check_operator_texts(app, options->texts);
          plan(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
