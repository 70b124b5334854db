// headscope info: what a model is and what it will need, without reading its weights.
#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/families_table.h"
#include "cli/output.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/families/load.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/backend.h"

namespace headscope {
namespace {

constexpr std::int64_t kBatchTokens = 2048;  // record's default

struct InfoArguments {
  std::string model;
  bool families = false;
};

struct Info {
  ModelSummary model;
  DType dtype = DType::f32;
  Device device;
  std::int64_t weights = 0;      // bytes in `dtype`, or packed
  std::int64_t activations = 0;  // bytes of a pass over a prompt of `tokens`
  std::int64_t tokens = 0;
  std::int64_t program = 0;  // bytes the program itself takes
  std::int64_t free = 0;

  [[nodiscard]] std::int64_t needed() const {
    return weights + activations + (device.is_cuda() ? 0 : program);
  }
};

Info examine(const InfoArguments& options, const CommonOptions& common) {
  Info info;
  info.program = peak_memory();
  info.model = summarize_model(options.model);
  check_model(options.model);
  info.dtype = common.dtype;
  info.device = common.device;
  info.tokens = std::min(kBatchTokens, info.model.config.n_ctx);
  info.weights = common.weights == WeightStorage::packed
                     ? packed_weight_bytes(options.model)
                     : weight_bytes(info.model.config, common.dtype);
  info.activations =
      pass_need(info.model.config, common.dtype, {.columns = info.tokens}, Logits::last).total();
  info.free = free_memory(common.device);
  return info;
}

OrderedJson to_json(const Info& info) {
  const ModelConfig& c = info.model.config;
  OrderedJson json{{"path", info.model.path.string()},
                   {"family", c.family},
                   {"architecture", c.architecture},
                   {"parameters", info.model.parameters},
                   {"stored", info.model.stored},
                   {"stored_bytes", info.model.stored_bytes},
                   {"tokenizer", info.model.tokenizer}};
  json["config"] = OrderedJson::parse(headscope::to_json(c).dump());
  json["memory"] = {{"device", to_string(info.device)},
                    {"dtype", std::string(to_string(info.dtype))},
                    {"weights", info.weights},
                    {"activations", info.activations},
                    {"activation_tokens", info.tokens},
                    {"program", info.program},
                    {"needed", info.needed()},
                    {"free", info.free}};
  return json;
}

// "3 KV heads (3 heads each)": grouped-query attention in words.
std::string heads_text(const ModelConfig& c) {
  const std::string heads =
      fmt::format("{} layers × {} heads = {}", c.n_layers, c.n_heads, c.n_layers * c.n_heads);
  return c.n_kv_heads == c.n_heads
             ? heads
             : fmt::format("{}; {} KV heads, each for {}", heads, c.n_kv_heads, c.heads_per_kv());
}

std::string mlp_text(const ModelConfig& c) {
  const Experts& e = c.experts;
  if (e.count == 0) {
    return grouped(c.d_mlp);
  }
  return fmt::format("{}{} experts of {}, {} a token",
                     has_dense_mlp(c) ? grouped(c.d_mlp) + " in dense layers; " : "",
                     grouped(e.count),
                     grouped(e.d_expert),
                     e.chosen);
}

std::string windows_text(const ModelConfig& c) {
  std::int64_t windowed = 0;
  std::int64_t width = 0;
  for (const LayerConfig& layer : c.layers) {
    windowed += layer.window > 0 ? 1 : 0;
    width = std::max(width, layer.window);
  }
  return windowed == 0 ? ""
                       : fmt::format("{} of {} layers see {} tokens", windowed, c.n_layers, width);
}

std::string to_text(const Info& info) {
  const ModelConfig& c = info.model.config;
  const std::string stored =
      info.model.stored_bytes == 0
          ? info.model.stored
          : fmt::format("{}, {}", info.model.stored, format_bytes(info.model.stored_bytes));
  const std::string parts = fmt::format("weights {} + activations {} at {} tokens + program {}",
                                        format_bytes(info.weights),
                                        format_bytes(info.activations),
                                        info.tokens,
                                        format_bytes(info.program));
  return facts({
      {"model", info.model.path.string()},
      {"family", fmt::format("{} ({})", c.family, c.architecture)},
      {"heads", heads_text(c)},
      {"d_model", grouped(c.d_model)},
      {"d_head", grouped(c.d_head)},
      {"d_mlp", mlp_text(c)},
      {"vocabulary", grouped(c.d_vocab)},
      {"context", grouped(c.n_ctx)},
      {"window", windows_text(c)},
      {"parameters", grouped(info.model.parameters)},
      {"stored as", stored},
      {"tokenizer", info.model.tokenizer},
      {"memory",
       fmt::format(
           "about {} in {} ({})", format_bytes(info.needed()), to_string(info.dtype), parts)},
      {"free",
       fmt::format("{} on {}{}",
                   format_bytes(info.free),
                   to_string(info.device),
                   info.needed() > info.free ? ": not enough" : "")},
  });
}

}  // namespace

Verb info_verb() {
  return {
      .name = "info",
      .summary = "What a model is, and the memory it will need",
      .example =
          "  headscope info smollm2\n"
          "  headscope info smollm2 --dtype bf16 --json\n"
          "  headscope info --families        # what can be run, and how closely it agrees",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<InfoArguments>();
        app.add_option("MODEL", options->model, "Directory, .gguf file, hub id or smollm2");
        app.add_flag(
            "--families",
            options->families,
            "Every family of models that can be run: its names, and how far its logits and "
            "hook values are from transformers' at most");
        return [options, &app, &invocation] {
          if (options->families) {
            refuse_unread(app, "info --families", {"families"});
            show(invocation, {{"families", families_json()}}, families_text());
            return;
          }
          if (options->model.empty()) {
            throw UsageError("info needs a MODEL, or --families");
          }
          const Info info = examine(*options, invocation.common);
          show(invocation, to_json(info), to_text(info));
        };
      },
  };
}

}  // namespace headscope
