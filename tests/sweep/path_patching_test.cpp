// Path patching against the four runs written out with hooks.
#include <algorithm>
#include <cmath>

#include "analyses/path_patching/path_runner.h"
#include "analyses/sweep/sweep.h"
#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const OtherRun kPathPatchingFromCorrupted(Run::corrupted);

std::string hook(std::int64_t layer, const std::string& point) {
  return fmt::format("blocks.{}.{}", layer, point);
}

struct Written {  // everything one pair of prompts needs, run for run
  const Model& model;
  const TaskItem& item;
  PathOptions options;

  // The metric with head `head` of `layer` (or, −1, the MLP) sending.
  [[nodiscard]] double run(std::int64_t layer, std::int64_t head) const {
    const Batch clean({item.clean.tokens});
    const Batch corrupted({item.corrupted.tokens});
    Recorder a{"blocks.*.attn.hook_z", "blocks.*.hook_mlp_out"};
    model.forward(corrupted, a);
    Recorder b{"blocks.*.attn.hook_z", "blocks.*.hook_mlp_out"};
    model.forward(clean, b);
    Edits frozen;
    for (std::int64_t l = 0; l < model.config().n_layers; ++l) {
      const std::string z = hook(l, "attn.hook_z");
      const std::string mlp = hook(l, "hook_mlp_out");
      frozen.at(z).replace(b.at(z));
      if (options.mlps == PathOptions::Mlps::freeze && (head >= 0 || l != layer)) {
        frozen.at(mlp).replace(b.at(mlp));
      }
    }
    const std::string sender = hook(layer, head < 0 ? "hook_mlp_out" : "attn.hook_z");
    if (head < 0) {
      frozen.at(sender).replace(a.at(sender));
    } else {
      frozen.at(sender, {.heads = {{head}}}).replace(a.at(sender));
    }
    Recorder c{"*"};
    const Tensor direct = model.forward(clean, frozen | c).logits;
    if (options.receivers.front().is_logits()) {
      return metric(direct);
    }
    Edits received;
    for (const Receiver& receiver : options.receivers) {
      if (receiver.resid_post) {
        const std::string name = hook(receiver.layer(), "hook_resid_post");
        received.at(name).replace(c.at(name));
      } else {
        const std::string part = to_string(receiver);
        const std::string name =
            hook(receiver.layer(), "attn.hook_" + part.substr(part.size() - 1));
        Selection one;
        const bool shared = name.ends_with("hook_k") || name.ends_with("hook_v");
        (shared ? one.kv_heads : one.heads) = std::vector<std::int64_t>{receiver.node.head};
        received.at(name, one).replace(c.at(name));
      }
    }
    return metric(model.forward(clean, received).logits);
  }

  [[nodiscard]] double metric(const Tensor& logits) const {
    const Tensor last = logits[0][-1];
    double right = 0.0;
    for (const TokenId id : item.answers) {
      right += last[id].item().toDouble() / static_cast<double>(item.answers.size());
    }
    return right - last[item.wrong[0]].item().toDouble();
  }
};

Model changed_inside(const Model& model, const std::string& list) {
  const Json json = Json::parse(R"({"version": 1, "interventions": )" + list + "}");
  return model.with(std::make_shared<const StandingInterventions>(
      interventions_from_json(json, "e.json"), model, "of this list"));
}

// In the passes of senders, of what lies between, and of receivers.
constexpr const char* kAlongPaths =
    R"([{"site": "blocks.*.attn.hook_q", "heads": [1], "op": "scale", "factor": -1.5},
        {"site": "blocks.1.attn.hook_attn_scores", "op": "bias", "bias": 2, "pairs": [[-1, 1]]},
        {"site": "blocks.1.attn.hook_z", "heads": [1], "op": "scale", "factor": 0.5},
        {"site": "blocks.*.hook_attn_out", "op": "scale", "factor": 1.25},
        {"site": "blocks.0.hook_mlp_out", "op": "scale", "factor": 0.25}])";

constexpr auto kShortcuts = SweepOptions::Execution::shared;
constexpr auto kPlain = SweepOptions::Execution::plain;

void check_paths(const Model& model,
                 const std::vector<std::string>& receivers,
                 SweepOptions::Execution execution = kShortcuts) {
  const Task task = random_task({.d_vocab = model.config().d_vocab, .seed = 3});
  for (const auto mlps : {PathOptions::Mlps::recompute, PathOptions::Mlps::freeze}) {
    PathOptions options{.receivers = {}, .mlps = mlps};
    for (const std::string& text : receivers) {
      options.receivers.push_back(parse_receiver(text, model.config()));
    }
    const Paths paths(options, task.items, model.config());
    const SweepSpec spec{.parts = {{Site::z, true}, {Site::mlp_out, false}},
                         .into = Run::clean,
                         .source = &kPathPatchingFromCorrupted,
                         .metric = &find_metric("logit_diff"),
                         .runner = &paths};
    const Grid grid = grid_of(model, task, spec);
    SweepTable table(grid.size(), 3);
    run_sweep(model, task, spec, {.memory = 1 << 30, .execution = execution}, table);
    double effect = 0.0;
    for (std::int64_t cell = 0; cell < grid.size(); ++cell) {
      const auto [layer, part, pos] = grid.cell(cell);
      const std::int64_t head = part == model.config().n_heads ? -1 : part;
      for (std::size_t i = 0; i < 3; ++i) {
        CAPTURE(receivers[0], static_cast<int>(mlps), layer, head, i);
        const double want = Written{model, task.items[i], options}.run(layer, head);
        const double got = table.value(cell, static_cast<std::int64_t>(i));
        CHECK(got == Approx(want).margin(1e-4));
        effect = std::max(effect, std::abs(got - table.clean()[i]));
      }
    }
    CHECK(effect > 1e-4);
  }
}

}  // namespace

TEST_CASE("paths to the logits are the four runs written out, in every kind of block") {
  for (const std::string name : {"llama", "gemma2", "gpt_neox", "gpt2", "qwen3"}) {
    CAPTURE(name);
    check_paths(load(huggingface_fixture(name)), {"logits"});
  }
}

TEST_CASE("paths into heads and streams are the four runs written out") {
  // Models whose heads share no keys: there the hook of a KV head is the view of one query head.
  for (const std::string name : {"gpt_neox", "gpt2"}) {
    CAPTURE(name);
    const Model model = load(huggingface_fixture(name));
    check_paths(model, {"1.1:q"});
    check_paths(model, {"1.0:k"});
    check_paths(model, {"1.0:v"});
    check_paths(model, {"0:resid_post"});
    check_paths(model, {"1.0:q", "1.1:k", "1.1:v"});
  }
  for (const std::string name : {"llama", "gemma2", "qwen3", "gemma3"}) {
    CAPTURE(name);
    const Model model = load(huggingface_fixture(name));
    check_paths(model, {"1.1:q"});
    check_paths(model, {fmt::format("{}.0:q", model.config().n_layers - 1), "1.1:q"});
  }
}

TEST_CASE("paths by whole passes are the four runs too, and so they are of a changed model") {
  for (const std::string name : {"gpt_neox", "gpt2"}) {
    const Model model = load(huggingface_fixture(name));
    const Model changed = changed_inside(model, kAlongPaths);
    for (const std::vector<std::string>& receivers :
         {std::vector<std::string>{"logits"}, {"0:resid_post"}, {"1.0:q", "1.1:k", "1.1:v"}}) {
      CAPTURE(name, receivers);
      check_paths(model, receivers, kPlain);
      check_paths(changed, receivers);
    }
  }
  for (const std::string name : {"llama3_gqa_tied", "gemma2"}) {
    CAPTURE(name);
    const Model changed = changed_inside(load(huggingface_fixture(name)), kAlongPaths);
    check_paths(changed, {"logits"});
    check_paths(changed, {"1.1:q"});
  }
}

TEST_CASE("what a layer's attention has beside a scale reaches every path") {
  using F = AttentionFeature;
  for (const F feature : {F::all_causal, F::all, F::relu}) {
    CAPTURE(to_string(feature));
    const Model model = with_feature(load(huggingface_fixture("gpt2")), feature);
    check_paths(model, {"logits"});
    check_paths(model, {"1.0:q", "1.1:k", "1.1:v"});
  }
}

namespace {

// The same function with a key and a value of its own for every query head.
Model ungrouped(const Model& model) {
  return altered(model, [](ModelConfig& config, Weights& weights) {
    const std::int64_t group = config.heads_per_kv();
    const std::int64_t q_rows = config.n_heads * config.d_head;
    const std::int64_t kv_rows = config.n_kv_heads * config.d_head;
    for (BlockWeights& block : weights.blocks) {
      const auto expanded = [&](const Tensor& fused) {
        if (!fused.defined()) {
          return fused;
        }
        std::vector<Tensor> parts{fused.narrow(0, 0, q_rows)};
        for (const std::int64_t first : {q_rows, q_rows + kv_rows}) {
          const Tensor heads = fused.narrow(0, first, kv_rows).unflatten(0, {-1, config.d_head});
          parts.push_back(heads.repeat_interleave(group, 0).flatten(0, 1));
        }
        return at::cat(parts);
      };
      block.W_QKV = expanded(block.W_QKV);
      block.b_QKV = expanded(block.b_QKV);
      if (config.qk_norm == QkNorm::layer_norm) {
        for (Tensor* norm : {&block.k_norm, &block.k_norm_bias}) {
          *norm =
              norm->defined()
                  ? norm->unflatten(0, {-1, config.d_head}).repeat_interleave(group, 0).flatten()
                  : *norm;
        }
      }
    }
    config.n_kv_heads = config.n_heads;
  });
}

}  // namespace

TEST_CASE("a path into a shared key or value changes one query head's view of it") {
  int grouped_models = 0;
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    const Model grouped = load(fixture);
    if (grouped.config().heads_per_kv() == 1 || grouped.config().qk_norm == QkNorm::whole) {
      continue;
    }
    ++grouped_models;
    const Model own = ungrouped(grouped);
    CAPTURE(fixture.name);
    check_paths(own, {"1.1:k"});
    const Task task = random_task({.d_vocab = grouped.config().d_vocab, .seed = 4});
    const std::int64_t last = grouped.config().n_heads - 1;
    for (const std::string& receiver :
         {std::string("1.1:k"), fmt::format("1.{}:v", last), std::string("1.0:q")}) {
      std::vector<std::vector<double>> values;
      for (const Model* model : {&grouped, &own}) {
        const Paths paths({.receivers = {parse_receiver(receiver, model->config())}},
                          task.items,
                          model->config());
        const SweepSpec spec{.parts = {{Site::z, true}},
                             .into = Run::clean,
                             .source = &kPathPatchingFromCorrupted,
                             .metric = &find_metric("logit_diff"),
                             .runner = &paths};
        SweepTable table(grid_of(*model, task, spec).size(), 3);
        run_sweep(*model, task, spec, {.memory = 1 << 30}, table);
        values.push_back(table.values());
      }
      for (std::size_t i = 0; i < values[0].size(); ++i) {
        CHECK(values[0][i] == Approx(values[1][i]).margin(1e-5));
      }
    }
  }
  CHECK(grouped_models >= 3);
}

TEST_CASE("a query or key that is nothing without the other heads' is no receiver") {
  const Model model = load(huggingface_fixture("olmo2_biases"));
  const Task task = random_task({.d_vocab = model.config().d_vocab, .seed = 4});
  for (const char* receiver : {"1.1:q", "1.0:k"}) {
    CHECK_THROWS_WITH(
        Paths(
            {.receivers = {parse_receiver(receiver, model.config())}}, task.items, model.config()),
        contains("normalised together"));
  }
  check_paths(model, {"1.1:v"});
}

TEST_CASE("a view of a shared key or value by whole passes is the shortcut's, or is refused") {
  const Model model = load(huggingface_fixture("llama3_gqa_tied"));
  const Task task = random_task({.d_vocab = model.config().d_vocab, .seed = 5});
  const Paths paths({.receivers = {parse_receiver("1.1:k", model.config()),
                                   parse_receiver("1.3:v", model.config()),
                                   parse_receiver("1.1:q", model.config())},
                     .positions = {"end"}},
                    task.items,
                    model.config());
  const SweepSpec spec{.parts = {{Site::z, true}},
                       .into = Run::clean,
                       .source = &kPathPatchingFromCorrupted,
                       .metric = &find_metric("logit_diff"),
                       .runner = &paths};
  const auto values = [&](const Model& of, SweepOptions::Execution execution) {
    SweepTable table(grid_of(of, task, spec).size(), 3);
    run_sweep(of, task, spec, {.memory = 1 << 30, .execution = execution}, table);
    return table.values();
  };
  const std::vector<double> fast = values(model, kShortcuts);
  const std::vector<double> plain = values(model, kPlain);
  const std::vector<double> changed = values(
      changed_inside(
          model, R"([{"site": "blocks.0.attn.hook_z", "heads": [0], "op": "scale", "factor": 1}])"),
      kShortcuts);
  for (std::size_t i = 0; i < fast.size(); ++i) {
    CHECK(plain[i] == Approx(fast[i]).margin(1e-5));
    CHECK(changed[i] == Approx(fast[i]).margin(1e-5));
  }
  CHECK_THROWS_WITH(
      values(changed_inside(model, R"([{"site": "blocks.1.attn.hook_pattern", "op": "uniform"}])"),
             kShortcuts),
      contains("--receiver 1.1:k") && contains("blocks.1.attn.hook_pattern"));
}

TEST_CASE("receivers: what is none is refused, naming what there is") {
  const ModelConfig config = load(huggingface_fixture("llama")).config();
  CHECK(to_string(parse_receiver("1.3:k", config)) == "1.3:k");
  CHECK_THROWS_WITH(parse_receiver("1.3", config), contains("LAYER.HEAD:q"));
  CHECK_THROWS_WITH(parse_receiver("1.99:q", config), contains("head 99 is out of range"));
  CHECK_THROWS_WITH(parse_receiver("99:resid_post", config), contains("layer 99 is out of range"));
  const Receiver logits;
  CHECK_THROWS_WITH(check({logits, parse_receiver("1.0:q", config)}), contains("stands alone"));
  const Task task = random_task({.d_vocab = config.d_vocab});
  CHECK_THROWS_WITH(Paths({.receivers = {parse_receiver("0.0:q", config)}}, task.items, config),
                    contains("nothing comes before layer 0"));
}
