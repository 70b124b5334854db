// headscope model: models whose circuit is known, made as directories like any other model.
#include <filesystem>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "analyses/known_models/known_model.h"
#include "cli/choices.h"
#include "cli/output.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

struct ModelArguments {
  std::string what;
  std::string name;
  std::string out;
  bool overwrite = false;
};

void list_models(const Invocation& invocation) {
  Table table({{"model"}, {"summary"}});
  for (const KnownModel& model : all_known_models()) {
    table.row({std::string(model.name), std::string(model.summary)});
  }
  show(invocation, {{"models", table.json()}}, table.text());
}

std::string size_text(const ModelConfig& c) {
  return fmt::format("{} layers of {} heads, d_model {}, d_head {}{}",
                     c.n_layers,
                     c.n_heads,
                     c.d_model,
                     c.d_head,
                     has_mlp(c) ? fmt::format(", d_mlp {}", c.d_mlp) : ", no MLPs");
}

void show_model(const std::string& name, const Invocation& invocation) {
  const KnownModel& model = known_model(name);
  const KnownModelParts parts = model.make();
  const KnownItem& item = parts.items.front();
  OrderedJson json = truth_json(model, parts);
  json["summary"] = std::string(model.summary);
  show(invocation,
       json,
       facts({{"model", name},
              {"summary", std::string(model.summary)},
              {"how", std::string(model.mechanism)},
              {"size", size_text(parts.config)},
              {"edges", fmt::format("{}", fmt::join(parts.truth.edges, ", "))},
              {"constant", fmt::format("{}", fmt::join(parts.truth.constant_edges, ", "))},
              {"clean", fmt::format("{}", fmt::join(item.clean, " "))},
              {"corrupted", fmt::format("{}", fmt::join(item.corrupted, " "))},
              {"answer", item.answer + ", not " + item.wrong}}));
}

// Whether `directory` holds a model already, of whoever's making.
bool holds_a_model(const std::filesystem::path& directory) {
  return path_exists(directory / "config.json") || path_exists(directory / "model.safetensors");
}

void make_model(const ModelArguments& options, const Invocation& invocation) {
  const KnownModel& model = known_model(options.name);
  if (options.out.empty()) {
    throw UsageError("model make needs -o DIRECTORY, where the model is to lie");
  }
  if (!options.overwrite && holds_a_model(options.out)) {
    throw UsageError("{}: holds a model already; replace it with --overwrite or choose another -o",
                     options.out);
  }
  write_known_model(model, options.out);
  const KnownModelParts parts = model.make();
  show(invocation,
       {{"path", options.out},
        {"model", options.name},
        {"items", parts.items.size()},
        {"edges", parts.truth.edges.size()}},
       facts({{"model", options.out},
              {"size", size_text(parts.config)},
              {"task", fmt::format("{}/task.jsonl, {} items", options.out, parts.items.size())},
              {"truth",
               fmt::format("{}/truth.json, {} edges", options.out, parts.truth.edges.size())}}));
}

void run(const ModelArguments& options, const Invocation& invocation) {
  if (options.what == "list") {
    if (!options.name.empty()) {
      throw UsageError("model list takes no name; headscope model show {} tells of one",
                       options.name);
    }
    list_models(invocation);
  } else if (options.name.empty()) {
    throw UsageError("model {} needs the name of a model (headscope model list names them)",
                     options.what);
  } else if (options.what == "show") {
    show_model(options.name, invocation);
  } else {
    make_model(options, invocation);
  }
}

}  // namespace

Verb model_verb() {
  return {
      .name = "model",
      .summary = "Small models whose circuit is known, made as directories with their truth",
      .example =
          "  headscope model list\n"
          "  headscope model show induction2\n"
          "  headscope model make induction2 -o induction2/\n"
          "  headscope patch induction2/ --task induction2/task.jsonl",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ModelArguments>();
        app.add_option("WHAT", options->what, "list, show or make")
            ->required()
            ->check(CLI::IsMember({"list", "show", "make"}));
        app.add_option("NAME", options->name, "The model: " + names_of(all_known_models()));
        app.add_option("-o,--output", options->out, "The directory to make");
        app.add_flag("--overwrite", options->overwrite, "Replace a model that lies there");
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
