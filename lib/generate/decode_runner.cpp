#include "lib/generate/decode_runner.h"

#include <exception>

#include "lib/attention/spec.h"
#include "lib/base/error.h"
#include "lib/generate/sampler.h"
#include "lib/model/kv_parts.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

bool sees_all_keys(const Tap& tap, int layer) {
  const auto wants = [&](Site site) { return tap.wants({site, layer}) != Interest::none; };
  return wants(Site::rot_k) || wants(Site::pattern) ||
         (wants(Site::attn_scores) && !tap.changes_scores_fused(layer));
}

// The spec of the heads whose keys the cache keeps whole; what others have in their place is done
// by keeping no more.
AttentionSpec of_whole_heads(const Model& model, const KvCache& cache, int layer) {
  AttentionSpec spec = model.attention(layer);
  if (!cache.streams(layer)) {
    return spec;
  }
  const std::vector<std::int64_t>& kv_heads = cache.parts(layer).whole;
  return of_heads(spec, query_heads(kv_heads, model.config().heads_per_kv()));
}

}  // namespace

DecodeRunner::DecodeRunner(const Model& model, Options options)
    : model_(model), bare_(model.with(nullptr)), options_(options) {
  if (options_.room < 1) {
    throw UsageError("room by {} columns; give at least 1", options_.room);
  }
}

void DecodeRunner::rows_changed() {
  started_ = false;
  next_ = {};
  changed_.reset();
}

// Why these steps cannot be recorded; empty: they can.
std::string DecodeRunner::why_not(const Batch& batch, const KvCache& cache, const Tap& tap) const {
  if (options_.by == DecodeBy::passes) {
    return "passes are asked for";
  }
  if (!broken_.empty()) {
    return broken_;
  }
  if (options_.by == DecodeBy::best && graph_ == nullptr) {
    return model_.device().is_cuda() ? "the kernels' library knows no graphs"
                                     : "the CPU replays nothing";
  }
  if (batch.layout().texts == nullptr) {
    return "which of the rows' tokens were written is not known";
  }
  if (!tap.replayable()) {
    return "what watches or changes the pass may launch other things from step to step";
  }
  if (model_.turns_by_length()) {
    return "how far positions turn depends on the length of the text";
  }
  if (model_.config().experts.count > 0) {
    return "which experts multiply is known only once a step has chosen them";
  }
  if (model_.device(model_.config().n_layers - 1) != model_.device()) {
    return "layers lie on several devices";
  }
  for (int layer = 0; layer < model_.config().n_layers; ++layer) {
    const AttentionSpec spec = of_whole_heads(model_, cache, layer);
    if (!is_causal(spec) || forms_scores(spec)) {
      return fmt::format("attention of layer {} is not of Torch's fused kernels", layer);
    }
    if (sees_all_keys(tap, layer)) {
      return fmt::format("scores, patterns or all keys of layer {} are watched or changed", layer);
    }
  }
  return {};
}

DecodeRunner::Next DecodeRunner::pass(const Batch& batch, KvCache& cache, Tap& tap) {
  ++counts_.passes;
  const Tensor logits =
      model_.forward(batch, tap, {.logits = Logits::last, .cache = &cache}).logits;
  return {logits, likeliest_on_device(logits)};
}

void DecodeRunner::start(const Batch& batch, KvCache& cache, Tap& tap) {
  rows_changed();
  if (model_.standing()) {
    changed_ = std::make_unique<StandingTap>(*model_.standing(), tap);
  }
  started_ = true;
  warm_ = false;
  recorded_ = false;
  if (graph_ == nullptr && options_.by == DecodeBy::best) {
    graph_ = options_.graph(model_.device());
  }
  changing(tap).steps_start();
  why_passes_ = why_not(batch, cache, changing(tap));
  if (!why_passes_.empty()) {
    return;
  }
  cache.make_room((cache.columns() / options_.room + 1) * options_.room);
  const std::int64_t rows = cache.rows();
  numbers_ = at::empty({2 * rows + 1},
                       at::TensorOptions().dtype(at::kLong).device(to_torch(model_.device())));
  in_ = {.tokens = numbers_.narrow(0, 0, rows).unsqueeze(1),
         .column = numbers_.narrow(0, rows, 1),
         .pads = numbers_.narrow(0, rows + 1, rows)};
}

// Writes where the next step lies.
void DecodeRunner::place(const Batch& batch, const KvCache& cache) {
  std::vector<std::int64_t> numbers;
  const auto* token = batch.tokens().const_data_ptr<std::int64_t>();
  numbers.insert(numbers.end(), token, token + cache.rows());
  numbers.push_back(cache.columns());
  numbers.insert(numbers.end(), cache.pads().begin(), cache.pads().end());
  numbers_.copy_(at::tensor(numbers, at::kLong), true);  // pageable: staged when this returns
}

// All that a step launches, the numbers apart.
void DecodeRunner::run(const BatchLayout& layout, KvCache& cache, Tap& tap) {
  next_.logits = bare_.decode(in_, layout, cache, tap);
  next_.likeliest = likeliest_on_device(next_.logits);
}

bool DecodeRunner::record(const std::function<void()>& work, Tap& tap) {
  try {
    graph_->record(work);
    recorded_ = true;
    ++counts_.recorded;
  } catch (const std::exception& error) {
    broken_ = why_passes_ = counts_.why_passes = error.what();
    next_ = {};
    tap.recording_failed();
  }
  return recorded_;
}

DecodeRunner::Next DecodeRunner::next(const Batch& batch, KvCache& cache, Tap& tap) {
  const bool full = started_ && why_passes_.empty() && cache.columns() >= cache.room();
  if (!started_ || full) {
    start(batch, cache, tap);
  }
  counts_.why_passes = why_passes_;
  if (!why_passes_.empty()) {
    return pass(batch, cache, tap);
  }
  const BatchLayout layout = cache.continue_with(batch.layout());
  place(batch, cache);
  Tap& changed = changing(tap);
  changed.step_begins(layout);
  const auto work = [&] { run(layout, cache, changed); };
  if (graph_ == nullptr) {
    ++counts_.in_room;
    work();
  } else if (!warm_) {
    ++counts_.in_room;
    graph_->warm_up(work);
    warm_ = true;
  } else if (!recorded_ && !record(work, changed)) {
    return pass(batch, cache, tap);
  }
  if (recorded_) {
    ++counts_.replayed;
    graph_->replay();
  }
  changed.step_ended();
  cache.advance(layout);
  return next_;
}

}  // namespace headscope
