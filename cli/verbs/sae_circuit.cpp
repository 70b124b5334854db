// headscope sae circuit: circuits from the codes of a small autoencoder (analyses/discrete_codes).
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>

#include "analyses/discrete_codes/code_circuit_run.h"
#include "analyses/sweep/stored_task.h"
#include "analyses/sweep/task_input.h"
#include "analyses/sweep/trace_words.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/node.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"

namespace headscope {
namespace {

struct CodeCircuitArguments {
  std::string model;
  std::string task;
  std::string clean_trace;
  std::string corrupted_trace;
  std::string intervene;
  std::string known;
  std::string out;
  std::string over = "mean";
  std::string scale = "none";
  std::string normalise = "count";
  CodeCircuitRequest request;
  TaskOptions task_options;
  bool skip_unfit = false;
  bool overwrite = false;
  std::size_t top = 10;
};

// "9.6,9.9", or the heads among the nodes of a truth.json (headscope model make).
std::vector<HeadId> known_heads(const std::string& text) {
  std::vector<std::string> names;
  if (text.ends_with(".json")) {
    const Json document = read_json(text);
    if (!document.is_object() || !document.contains("nodes") || !document["nodes"].is_array()) {
      throw DataError("{}: has no list \"nodes\" of a circuit", text);
    }
    for (const Json& node : document["nodes"]) {
      names.push_back(node.is_string() ? node.get<std::string>() : node.dump());
    }
  } else {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t comma = std::min(text.find(',', at), text.size());
      names.push_back(text.substr(at, comma - at));
      at = comma + 1;
    }
  }
  std::vector<HeadId> heads;
  for (const std::string& name : names) {
    if (const Node node = parse_node(name); node.kind == Node::Kind::head) {
      heads.push_back({node.layer, node.head});
    }
  }
  if (heads.empty() && !text.empty()) {
    throw UsageError("--known {}: names no head; write 9.6,9.9 or a truth.json with heads", text);
  }
  return heads;
}

void check_trace(const StoredRun* trace,
                 const Model& model,
                 const Task& task,
                 const CodeCircuitArguments& options,
                 Run run) {
  if (trace != nullptr) {
    check_stored_task(*trace,
                      model,
                      task.items,
                      run,
                      {.values = {Site::z},
                       .prompts = record_task_words(
                           options.task, std::string(to_string(run)), options.task_options)});
  }
}

double deviation_of(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) {
    sum += (value - mean_of(values)) * (value - mean_of(values));
  }
  return values.size() < 2 ? std::nan("") : std::sqrt(sum / static_cast<double>(values.size() - 1));
}

std::string judged(const std::vector<double>& auc) {
  if (auc.empty()) {
    return "";
  }
  const double deviation = deviation_of(auc);
  return format_number(mean_of(auc)) +
         (std::isnan(deviation) ? "" : fmt::format(" ± {} (sd)", format_number(deviation)));
}

std::string circuit_text(const CodeCircuits& found, std::size_t top) {
  Table heads({{"head"}, {"codes of clean prompts alone", 2}, {"ends of the best pairs", 1}});
  for (const HeadId& head : top_heads(found.nodes, top)) {
    heads.row({to_string(head), found.nodes[head], found.edge_nodes[head]});
  }
  const CodeCircuit& first = found.circuits.front();
  return facts({{"seeds", std::to_string(found.circuits.size())},
                {"FVU", format_number(first.fvu)},
                {"L0", format_number(first.l0, 1)},
                {"codes used", std::to_string(first.codes_used)},
                {"AUC by nodes", judged(found.node_auc)},
                {"AUC by edges", judged(found.edge_auc)}}) +
         "\n" + heads.text();
}

OrderedJson document_of(const Model& model,
                        const Task& task,
                        const CodeCircuitArguments& options,
                        const Invocation& invocation,
                        const CodeCircuits& found) {
  OrderedJson json{{"format", "headscope-code-circuit"},
                   {"version", 1},
                   {"provenance",
                    provenance(model,
                               {.command_line = invocation.command_line,
                                .seed = invocation.common.seed,
                                .prepend_bos = options.task_options.bos})},
                   {"task", task.name},
                   {"task_hash", task.hash},
                   {"items", task.items.size()}};
  json.update(to_json(found, 1000));
  return json;
}

CodeCircuits find(const Model& model, const Task& task, CodeCircuitArguments options) {
  const auto clean = open_trace(options.clean_trace);
  const auto corrupted = open_trace(options.corrupted_trace);
  check_trace(clean.get(), model, task, options, Run::clean);
  check_trace(corrupted.get(), model, task, options, Run::corrupted);
  CodeCircuitRequest& request = options.request;
  request.clean = clean.get();
  request.corrupted = corrupted.get();
  request.known = known_heads(options.known);
  request.over = options.over == "last" ? OverPositions::last : OverPositions::mean;
  request.options.scale = options.scale == "rms" ? CodeScale::rms : CodeScale::none;
  request.options.normalise =
      options.normalise == "share" ? CodeNormalise::share : CodeNormalise::count;
  Progress bar(2 * static_cast<std::int64_t>(task.items.size()) + request.seeds,
               {.label = "sae circuit"});
  std::int64_t shown = 0;
  request.progress = [&](std::int64_t done, std::int64_t) {
    bar.add(done - std::exchange(shown, done));
  };
  request.stop = interrupted;
  return code_circuits(model, task.items, request);
}

constexpr TextKind kCodesJson{
    .noun = "circuit from codes (.json)", .is = [](std::string_view text) {
      return begins_as_json(text, R"({"format":"headscope-code-circuit")");
    }};

// Before the model is loaded.
void check_code_circuit(const CodeCircuitArguments& options) {
  for (const double value :
       {options.request.options.sae.l1, options.request.options.sae.learning_rate}) {
    if (!std::isfinite(value) || value < 0) {
      throw UsageError("--l1 and --lr are numbers that are not negative");
    }
  }
  if (options.out.empty()) {
    return;
  }
  if (path_exists(options.out) && !options.overwrite) {
    throw UsageError("{}: exists; --overwrite replaces it", options.out);
  }
  check_output_file(options.out);
  check_replaceable(options.out, kCodesJson);
}

void run(CodeCircuitArguments options, const Invocation& invocation) {
  catch_interrupts();
  check_code_circuit(options);
  options.task_options.unfit =
      options.skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail;
  options.request.options.sae.seed = invocation.common.seed;
  const Model model = load_with(options.model, invocation.common, options.intervene);
  const Task task = task_for(model, options.task, options.task_options);
  const CodeCircuits found = find(model, task, options);
  const OrderedJson json = document_of(model, task, options, invocation, found);
  if (!options.out.empty()) {
    write_file(options.out, json.dump(1) + "\n");
  }
  show(invocation, json, circuit_text(found, options.top));
}

void add_training(CLI::App& app, CodeCircuitArguments& options) {
  CodeCircuitOptions& of = options.request.options;
  app.add_option("--examples", of.examples, "Prompts the autoencoder is trained on, of both kinds")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--codes", of.sae.codes, "Features of the autoencoder")
      ->capture_default_str()
      ->check(CLI::Range(2, 100'000));
  app.add_option("--l1", of.sae.l1, "Weight λ of the sparsity penalty")->capture_default_str();
  app.add_option("--lr", of.sae.learning_rate, "Adam's learning rate")->capture_default_str();
  app.add_option("--epochs", of.sae.epochs, "Steps, each on all training vectors")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--seeds", options.request.seeds, "Circuits, each of its own seed: --seed and on")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--scale", options.scale, "What vectors are divided by: none, or rms of them all")
      ->capture_default_str()
      ->check(CLI::IsMember({"none", "rms"}));
}

void add_options(CLI::App& app, CodeCircuitArguments& options) {
  add_model(app, options.model);
  app.add_option("--task", options.task, "A task file (headscope task make)")->required();
  app.add_option("--over", options.over, "Heads' outputs: mean over all tokens, or the last's")
      ->capture_default_str()
      ->check(CLI::IsMember({"mean", "last"}));
  app.add_option("--normalise", options.normalise, "Scores: count of codes, or share of all seen")
      ->capture_default_str()
      ->check(CLI::IsMember({"count", "share"}));
  add_training(app, options);
  app.add_option("--known", options.known, "Heads of the circuit, to judge by: 9.6,9.9 or a .json");
  app.add_option("--clean-trace", options.clean_trace, "A trace of the clean run, read instead");
  app.add_option("--corrupted-trace", options.corrupted_trace, "One of the corrupted run");
  app.add_option("--batch-tokens", options.request.batch_tokens, "Tokens in one forward pass")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  app.add_flag("--skip-unfit", options.skip_unfit, "Leave out items the tokenizer does not fit");
  add_prepend_bos(app, options.task_options.bos);
  app.add_option("--top", options.top, "Heads to list")->capture_default_str();
  add_output(app, options.out, "The scores of all heads and the best pairs (.json)");
  app.add_flag("--overwrite", options.overwrite, "Replace an existing file");
  add_intervene(app, options.intervene);
}

}  // namespace

Verb sae_circuit_verb() {
  return {
      .name = "sae circuit",
      .summary = "A circuit's heads from the codes a small autoencoder gives their outputs",
      .example =
          "  headscope task make ioi smollm2 -n 100 -o ioi.jsonl\n"
          "  headscope sae circuit smollm2 --task ioi.jsonl --seeds 10 -o codes.json\n"
          "  headscope record smollm2 --task ioi.jsonl --run clean --hooks 'blocks.*.attn.hook_z' "
          "-o clean.h5\n"
          "\n"
          "O'Neill & Bui 2024 (arXiv:2405.12522). Each head's output (z W_O, averaged over a "
          "prompt's\ntokens) is a vector; one autoencoder for all heads is trained on those of a "
          "few prompts,\nand a vector's code is its strongest feature. A head's score is how many "
          "codes it takes on\nin clean prompts and in no corrupted one; of a pair, how many pairs "
          "of codes. No changed\nrun is needed: from two traces the model itself never runs.\n"
          "The published λ fits vectors of GPT-2's size; --scale rms brings others to one size.\n"
          "AUC: area under the ROC curve of the ranking for the heads of --known, ties counting "
          "half.",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<CodeCircuitArguments>();
        add_options(app, *options);
        return [options, &invocation] { run(*options, invocation); };
      },
  };
}

}  // namespace headscope
