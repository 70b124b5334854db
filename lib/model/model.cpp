#include "lib/model/model.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>

#include "lib/base/error.h"
#include "lib/model/attention_plan.h"
#include "lib/model/attention_spec.h"
#include "lib/model/pass.h"
#include "lib/model/placed_tokens.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

void check_options(const ForwardOptions& options, const ModelConfig& config, std::int64_t first) {
  const std::int64_t end = options.to_layer < 0 ? config.n_layers : options.to_layer;
  if (first < 0 || first > config.n_layers || end > config.n_layers || end < first) {
    throw UsageError("layers [{}, {}) of a model of {} layers", first, end, config.n_layers);
  }
  if (options.cache != nullptr && end < config.n_layers) {
    throw UsageError("a KV cache needs a pass through every layer; leave out to_layer");
  }
  for (const std::int64_t id : options.vocab) {
    if (id < 0 || id >= config.d_vocab) {
      throw UsageError("token {} is outside the vocabulary of {}", id, config.d_vocab);
    }
  }
}

void check_layout(const Resume& from, const ModelConfig& config) {
  const BatchLayout& layout = from.layout;
  if (static_cast<std::int64_t>(layout.pads.size()) != layout.rows) {
    throw UsageError("a layout of {} rows has {} pads", layout.rows, layout.pads.size());
  }
  if (layout.keys() > config.n_ctx) {
    throw UsageError(
        "{} columns are more than the model's context of {}", layout.keys(), config.n_ctx);
  }
  if (from.prefix != nullptr && from.prefix->row.defined() &&
      from.prefix->row.size(0) != layout.rows) {
    throw UsageError("the prefix is for {} rows, not {}", from.prefix->row.size(0), layout.rows);
  }
}

void check_resume(const Resume& from, const ForwardOptions& options, const ModelConfig& config) {
  check_options(options, config, from.layer + (from.at == Resume::At::mid ? 1 : 0));
  if (options.cache != nullptr || options.chunk > 0) {
    throw UsageError("a pass from a residual stream takes neither a cache nor chunks");
  }
  const std::vector<std::int64_t> shape{from.layout.rows, from.layout.columns, config.d_model};
  if (!from.residual.defined() || from.residual.sizes() != at::IntArrayRef(shape)) {
    throw UsageError("the residual stream to start from is not [{}, {}, {}] as its layout says",
                     shape[0],
                     shape[1],
                     shape[2]);
  }
  check_layout(from, config);
  if (from.at == Resume::At::mid && (!has_resid_mid(config) || from.layer == config.n_layers)) {
    throw UsageError("there is no hook_resid_mid to start from at layer {}{}",
                     from.layer,
                     !has_resid_mid(config) ? ": its blocks write to the stream once" : "");
  }
  if (from.layout.past != (from.prefix == nullptr ? 0 : from.prefix->columns)) {
    throw UsageError("the columns start at {}, but the prefix before them has {}",
                     from.layout.past,
                     from.prefix == nullptr ? 0 : from.prefix->columns);
  }
}

// A stream, or a prefix's keys, that were kept may be changed already; a second time is wrong.
void check_standing(const Tap& change, const Resume& from, const ModelConfig& config) {
  std::vector<HookPoint> twice;
  if (from.at == Resume::At::layer && from.layer < config.n_layers) {
    twice.push_back({Site::resid_pre, static_cast<int>(from.layer)});
  }
  for (int layer = 0; from.prefix != nullptr && layer < config.n_layers; ++layer) {
    twice.push_back({Site::rot_k, layer});
  }
  for (const HookPoint point : twice) {
    if (change.wants(point) != Interest::none) {
      throw UsageError(
          "{}: an intervention there would meet values that may be changed already, since this "
          "analysis goes on from kept ones; {}",
          hook_name(point.site, point.layer),
          point.site == Site::rot_k ? "change hook_k instead"
                                    : "change hook_resid_post of the layer before instead");
    }
  }
}

// What of the last block's columns nobody asked for is left out.
void narrow_last_block(Pass& pass, const ForwardOptions& options) {
  if (options.last_block == LastBlock::all_columns) {
    return;
  }
  const auto last = static_cast<int>(pass.config.n_layers - 1);
  if (options.logits == Logits::all || pass.cache != nullptr) {
    throw UsageError("LastBlock::last_column goes with the logits of the last column, no cache");
  }
  if (!pass.layout.read_at.empty()) {
    throw UsageError("rows are read at tokens of their own, but only the last column is computed");
  }
  if (pass.attention_wanted(last)) {
    throw UsageError("statistics of {} are wanted, but only its last column would be computed",
                     hook_name(Site::pattern, last));
  }
  for (const HookPoint point : hook_points(pass.config)) {
    const bool behind = point.layer == kNoLayer && point.site > Site::resid_post;
    if ((point.layer == last || behind) && pass.wanted(point.site, point.layer)) {
      throw UsageError("{} is watched, but only its last column would be computed",
                       hook_name(point.site, point.layer));
    }
  }
  pass.last_position_only_layer = last;
}

BatchLayout columns_of(const BatchLayout& whole, std::int64_t begin, std::int64_t count) {
  BatchLayout layout = whole;
  layout.past = whole.past + begin;
  layout.columns = count;
  return layout;
}

}  // namespace

bool Model::turns_by_length() const {
  return std::any_of(rotary_angles_.begin(), rotary_angles_.end(), [](const RotaryAngles& angles) {
    return angles.depends_on_length();
  });
}

Model::Model(Parts parts) : parts_(std::make_shared<const Parts>(std::move(parts))) {
  check(config());
  for (const Rope& rope : config().ropes) {
    rotary_angles_.emplace_back(rope, to_torch(device()));
  }
  for (std::int64_t layer = 0; layer < config().n_layers; ++layer) {
    attention_.push_back(attention_spec(config(),
                                        weights().blocks.at(static_cast<std::size_t>(layer)),
                                        layer,
                                        to_torch(device(layer))));
    if (attention_plan()) {
      attention_.back().operators = attention_plan()->operators(layer, config());
    }
  }
}

Device Model::device(std::int64_t layer) const {
  const std::vector<Device>& of_layers = parts_->layer_devices;
  return of_layers.empty() ? device() : of_layers.at(static_cast<std::size_t>(layer));
}

const Tokenizer& Model::tokenizer() const {
  if (!has_tokenizer()) {
    throw DataError(
        "{}: no tokenizer beside the weights (tokenizer.json, or a vocabulary in the GGUF file)",
        source().name);
  }
  return *parts_->tokenizer;
}

ForwardResult Model::forward(const Batch& batch, const ForwardOptions& options) const {
  NoTap nobody;
  return forward(batch, nobody, options);
}

Model Model::with(std::shared_ptr<const StandingChange> change) const {
  Model changed = *this;
  changed.standing_ = std::move(change);
  return changed;
}

ForwardResult Model::forward(const Batch& batch, Tap& own, const ForwardOptions& options) const {
  const at::NoGradGuard no_grad;
  const auto changed = standing_ ? std::make_unique<StandingTap>(*standing_, own) : nullptr;
  Tap& tap = changed ? *changed : own;
  check_options(options, config(), 0);
  const std::int64_t past = options.cache == nullptr ? 0 : options.cache->columns();
  batch.check(config(), past);
  tap.begin(config());
  ForwardResult result;
  if (options.chunk > 0 && options.chunk < batch.layout().columns) {
    result = forward_chunks(batch, tap, options);
  } else {
    const BatchLayout layout =
        options.cache == nullptr ? batch.layout() : options.cache->continue_with(batch.layout());
    result = run(batch.tokens(), layout, tap, options);
  }
  tap.end();
  return result;
}

ForwardResult Model::forward_chunks(const Batch& batch, Tap& tap, ForwardOptions options) const {
  KvCache own(config());
  options.cache = options.cache == nullptr ? &own : options.cache;
  const BatchLayout whole = options.cache->continue_with(batch.layout());
  std::vector<Tensor> logits;
  std::vector<Tensor> residuals;
  for (std::int64_t begin = 0; begin < whole.columns; begin += options.chunk) {
    const std::int64_t count = std::min(options.chunk, whole.columns - begin);
    const ForwardResult result =
        run(batch.tokens().narrow(1, begin, count), columns_of(whole, begin, count), tap, options);
    logits.push_back(result.logits);
    residuals.push_back(result.residual);
  }
  const bool join = options.logits == Logits::all && logits.back().defined();
  return {join ? at::cat(logits, 1) : logits.back(), at::cat(residuals, 1)};
}

ForwardResult Model::run(const Tensor& tokens,
                         const BatchLayout& layout,
                         Tap& tap,
                         const ForwardOptions& options) const {
  Pass pass(*this, layout, tap, options.cache);
  ForwardResult result = finish(pass, run_embed(pass, tokens.to(pass.device)), 0, options);
  if (options.cache != nullptr) {
    options.cache->advance(layout);
  }
  return result;
}

Tensor Model::decode(const PlacedTokens& in,
                     const BatchLayout& layout,
                     KvCache& cache,
                     Tap& own) const {
  const at::NoGradGuard no_grad;
  if (layout.columns != 1 || layout.past >= cache.room()) {
    throw UsageError("a step of {} columns behind {} in a cache with room for {}",
                     layout.columns,
                     layout.past,
                     cache.room());
  }
  const auto changed = standing_ ? std::make_unique<StandingTap>(*standing_, own) : nullptr;
  Tap& tap = changed ? *changed : own;
  tap.begin(config());
  Pass pass(*this, layout, tap, &cache);
  pass.place(in);
  const ForwardOptions options{.logits = Logits::last, .cache = &cache};
  Tensor logits = finish(pass, run_embed(pass, in.tokens), 0, options).logits;
  tap.end();
  return logits;
}

ForwardResult Model::resume(const Resume& from, Tap& own, const ForwardOptions& options) const {
  const at::NoGradGuard no_grad;
  check_resume(from, options, config());
  const auto changed = standing_ ? std::make_unique<StandingTap>(*standing_, own) : nullptr;
  Tap& tap = changed ? *changed : own;
  if (changed) {
    check_standing(changed->change(), from, config());
  }
  tap.begin(config());
  Pass pass(*this, from.layout, tap, nullptr, from.prefix);
  std::int64_t layer = from.layer;
  const int first = layer < config().n_layers ? static_cast<int>(layer) : kNoLayer;
  Tensor resid = from.residual.to(pass.device_of(first), at::kFloat);
  narrow_last_block(pass, options);
  if (from.at == Resume::At::mid) {
    resid = run_block_from_mid(pass, static_cast<int>(layer++), resid);
  }
  ForwardResult result = finish(pass, resid, layer, options);
  tap.end();
  return result;
}

ForwardResult Model::resume(const Resume& from, const ForwardOptions& options) const {
  NoTap nobody;
  return resume(from, nobody, options);
}

// From the stream entering `layer` to where the options say.
ForwardResult Model::finish(Pass& pass,
                            Tensor resid,
                            std::int64_t layer,
                            const ForwardOptions& options) const {
  const std::int64_t end = options.to_layer < 0 ? config().n_layers : options.to_layer;
  narrow_last_block(pass, options);
  for (; layer < end; ++layer) {
    resid = run_block(pass, static_cast<int>(layer), resid);
  }
  if (options.to_layer >= 0) {
    return {{}, resid};
  }
  return {run_unembed(pass, resid, options), resid};
}

Tensor Model::W_Q(std::int64_t layer) const {
  return head_rows(layer, 0, config().n_heads);
}

Tensor Model::W_K(std::int64_t layer) const {
  return head_rows(layer, config().n_heads, config().n_kv_heads);
}

Tensor Model::W_V(std::int64_t layer) const {
  return head_rows(layer, config().n_heads + config().n_kv_heads, config().n_kv_heads);
}

Tensor Model::W_O(std::int64_t layer) const {
  const ModelConfig& c = config();
  return weights()
      .blocks.at(static_cast<std::size_t>(layer))
      .W_O.view({c.d_model, c.n_heads, c.d_head})
      .permute({1, 2, 0});
}

Tensor Model::head_rows(std::int64_t layer, std::int64_t first, std::int64_t heads) const {
  const ModelConfig& c = config();
  return weights()
      .blocks.at(static_cast<std::size_t>(layer))
      .W_QKV.narrow(0, first * c.d_head, heads * c.d_head)
      .view({heads, c.d_head, c.d_model})
      .transpose(1, 2);
}

}  // namespace headscope
