// headscope model: models whose circuit is known, or of random weights, made as directories like
// any other model.
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
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/base/paths.h"
#include "lib/families/model_shapes.h"
#include "lib/families/random_directory.h"

namespace headscope {
namespace {

struct ModelArguments {
  std::string what;
  std::string name;
  std::string out;
  std::string like;
  std::string shard_size;
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

void check_output(const ModelArguments& options) {
  if (options.out.empty()) {
    throw UsageError("model {} needs -o DIRECTORY, where the model is to lie", options.what);
  }
  if (!options.overwrite && holds_a_model(options.out)) {
    throw UsageError("{}: holds a model already; replace it with --overwrite or choose another -o",
                     options.out);
  }
}

void make_model(const ModelArguments& options, const Invocation& invocation) {
  const KnownModel& model = known_model(options.name);
  check_output(options);
  write_known_model(model, options.out);
  const KnownModelParts parts = model.make();
  const std::filesystem::path folder = options.out;
  show(invocation,
       {{"path", options.out},
        {"model", options.name},
        {"items", parts.items.size()},
        {"edges", parts.truth.edges.size()}},
       facts({{"model", options.out},
              {"size", size_text(parts.config)},
              {"task",
               fmt::format("{}, {} items", (folder / "task.jsonl").string(), parts.items.size())},
              {"truth",
               fmt::format(
                   "{}, {} edges", (folder / "truth.json").string(), parts.truth.edges.size())}}));
}

void make_random(const ModelArguments& options, const Invocation& invocation) {
  if (options.like.empty()) {
    throw UsageError("model random needs --like SHAPE: {}, or a directory with a config.json",
                     fmt::join(model_shape_names(), ", "));
  }
  check_output(options);
  const CommonOptions& common = invocation.common;
  RandomDirectoryOptions random{
      .config = shape_config(options.like), .dtype = common.dtype, .seed = common.seed};
  if (!options.shard_size.empty()) {
    random.shard_bytes = parse_bytes(options.shard_size);
  }
  const RandomDirectoryResult made = write_random_directory(options.out, random);
  show(invocation,
       {{"path", options.out},
        {"like", options.like},
        {"parameters", made.parameters},
        {"bytes", made.bytes},
        {"files", made.files},
        {"dtype", std::string(to_string(common.dtype))},
        {"seed", common.seed}},
       facts({{"model", options.out},
              {"like", options.like},
              {"weights",
               fmt::format("{} at random (seed {}), {} in {}, {}",
                           grouped(made.parameters),
                           common.seed,
                           format_bytes(made.bytes),
                           to_string(common.dtype),
                           counted(made.files, "file"))}}));
}

void run(const ModelArguments& options, const Invocation& invocation) {
  if (options.what != "random" && !(options.like + options.shard_size).empty()) {
    throw UsageError("--like and --shard-size belong to headscope model random");
  }
  if (options.what == "random") {
    if (!options.name.empty()) {
      throw UsageError("model random takes no name: {}",
                       options.like.empty()
                           ? fmt::format("its shape is told by --like {}", options.name)
                           : fmt::format("leave out {}", options.name));
    }
    make_random(options, invocation);
  } else if (options.what == "list") {
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
      .summary =
          "Models made here: small ones whose circuit is known, and random ones of any shape",
      .example =
          "  headscope model list\n"
          "  headscope model show induction2\n"
          "  headscope model make induction2 -o induction2/\n"
          "  headscope patch induction2/ --task induction2/task.jsonl\n"
          "  headscope model random --like llama-8b --dtype bf16 -o random-8b/",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<ModelArguments>();
        app.add_option("WHAT", options->what, "list, show, make or random")
            ->required()
            ->check(CLI::IsMember({"list", "show", "make", "random"}));
        app.add_option("NAME", options->name, "The model: " + names_of(all_known_models()));
        app.add_option("-o,--output", options->out, "The directory to make");
        app.add_option("--like",
                       options->like,
                       fmt::format("random: the shape, {}, or a directory with a config.json",
                                   fmt::join(model_shape_names(), ", ")));
        app.add_option("--shard-size", options->shard_size, "random: where a file ends (5GiB)");
        app.add_flag("--overwrite", options->overwrite, "Replace a model that lies there");
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
