// A transformer: weights in, logits out, every intermediate value named where it is born.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/attention/spec.h"
#include "lib/base/device.h"
#include "lib/base/dtype.h"
#include "lib/model/batch.h"
#include "lib/model/config.h"
#include "lib/model/kv_cache.h"
#include "lib/model/kv_prefix.h"
#include "lib/model/rotary.h"
#include "lib/model/tap.h"
#include "lib/model/weights.h"
#include "lib/tensor/tensor.h"
#include "lib/text/tokenizer.h"

namespace headscope {

class AttentionPlan;
class Pass;
struct PlacedTokens;
class StandingChange;

enum class Logits { all, last, none };

// Which columns the last block computes. Its other columns reach no logit but their own, so a pass
// that wants those of the last column alone may leave them out.
enum class LastBlock { all_columns, last_column };

struct ForwardOptions {
  Logits logits = Logits::all;
  std::vector<std::int64_t> vocab{};  // unembed only these ids, in this order; empty: all
  KvCache* cache = nullptr;           // read and extended
  std::int64_t chunk = 0;             // > 0: at most this many columns at a time (needs a cache)
  std::int64_t to_layer = -1;  // stop before this layer; −1: run all. Stopping gives no logits
  // last_column: a residual stream behind the last block has one column; nobody may watch that
  // block or what follows it.
  LastBlock last_block = LastBlock::all_columns;
};

// A pass that starts inside the model, from a residual stream somebody kept or changed.
struct Resume {
  BatchLayout layout;  // where the columns of `residual` lie in their prompts
  Tensor residual;     // [B, T, d_model]
  std::int64_t layer = 0;
  // What `residual` is: the stream entering `layer`, or the one its attention has written to
  // (hook_resid_mid, where has_resid_mid()).
  enum class At { layer, mid } at = At::layer;
  const KvPrefix* prefix = nullptr;  // of the layout.past columns before
};

struct ForwardResult {
  // [B, T, d_vocab]; Logits::last: [B, d_vocab]; undefined for Logits::none or an early stop. f32.
  Tensor logits;
  Tensor residual;  // [B, T, d_model], the residual stream where the pass ended
};

// Where a model came from, for provenance.
struct ModelSource {
  std::string name;                // as the user gave it
  std::vector<std::string> files;  // weight files
  std::string weights_hash;        // "xxh3:…"
};

// Immutable and cheap to copy. forward() is const and safe to call from several threads.
class Model {
 public:
  struct Parts {
    ModelConfig config;
    Weights weights;
    std::shared_ptr<const Tokenizer> tokenizer;  // null: the model came without one
    Device device;
    std::vector<Device> layer_devices{};  // where each layer lies; empty: all of them on `device`
    DType dtype = DType::f32;
    ModelSource source;
    // What heads compute in place of their attention (attention_plan.h); null: as trained.
    std::shared_ptr<const AttentionPlan> attention_plan = nullptr;
  };
  explicit Model(Parts parts);

  // The same model with a change that belongs to it: every pass runs with it, whoever asks for the
  // pass (standing_change.h). Null takes it away.
  [[nodiscard]] Model with(std::shared_ptr<const StandingChange> change) const;
  [[nodiscard]] const std::shared_ptr<const StandingChange>& standing() const { return standing_; }

  // Runs the batch with `tap` watching and changing. Throws UsageError for tokens outside the
  // vocabulary, a context overrun, or options that contradict each other.
  ForwardResult forward(const Batch& batch, Tap& tap, const ForwardOptions& options = {}) const;
  ForwardResult forward(const Batch& batch, Tap&& tap, const ForwardOptions& options = {}) const {
    return forward(batch, tap, options);
  }
  ForwardResult forward(const Batch& batch, const ForwardOptions& options = {}) const;

  // The logits [B, d_vocab] f32 behind one more token of every row of `cache`, as forward() gives
  // them but for rounding, by launches that are the same at every step: all that differs between
  // steps lies in the tensors of `in`. `layout` is continue_with() of the cache, for the tap's
  // eyes; values that span all keys (hook_rot_k, hook_attn_scores, hook_pattern) would show free
  // columns too, so nobody may want them, but for scores that are changed fused. Needs causal
  // layers, and KvCache::make_room() before; advance() is left to the caller.
  Tensor decode(const PlacedTokens& in, const BatchLayout& layout, KvCache& cache, Tap& tap) const;

  // The rest of a forward pass. Equal to the pass that ran from the tokens, up to the rounding of
  // products of other sizes. Takes no cache and no chunks. Throws as forward() does, and UsageError
  // if a standing change edits the very stream it starts from (hook_resid_pre of the layer) or keys
  // of the prefix (hook_rot_k): whoever kept them may have kept them changed.
  ForwardResult resume(const Resume& from, Tap& tap, const ForwardOptions& options = {}) const;
  ForwardResult resume(const Resume& from, const ForwardOptions& options = {}) const;

  [[nodiscard]] const ModelConfig& config() const { return parts_->config; }
  [[nodiscard]] const Weights& weights() const { return parts_->weights; }
  [[nodiscard]] const Tokenizer& tokenizer() const;  // DataError if the model came without one
  [[nodiscard]] bool has_tokenizer() const { return parts_->tokenizer != nullptr; }
  // Where tokens enter and logits come out.
  [[nodiscard]] Device device() const { return parts_->device; }
  // Where a layer lies, and with it the values of its hook points.
  [[nodiscard]] Device device(std::int64_t layer) const;
  [[nodiscard]] DType dtype() const { return parts_->dtype; }
  [[nodiscard]] const ModelSource& source() const { return parts_->source; }

  [[nodiscard]] const std::shared_ptr<const AttentionPlan>& attention_plan() const {
    return parts_->attention_plan;
  }

  // Of each of config().ropes.
  [[nodiscard]] const std::vector<RotaryAngles>& rotary_angles() const { return rotary_angles_; }

  // True if how far a position turns depends on how long its sequence is (RotaryAngles::regime()).
  [[nodiscard]] bool turns_by_length() const;

  // What a layer's attention computes, its tensors where the layer lies.
  [[nodiscard]] const AttentionSpec& attention(std::int64_t layer) const {
    return attention_.at(static_cast<std::size_t>(layer));
  }

  // The per-head weights as the papers write them (views, nothing copied).
  [[nodiscard]] Tensor W_Q(std::int64_t layer) const;  // [n_heads, d_model, d_head]
  [[nodiscard]] Tensor W_K(std::int64_t layer) const;  // [n_kv_heads, d_model, d_head]
  [[nodiscard]] Tensor W_V(std::int64_t layer) const;  // [n_kv_heads, d_model, d_head]
  [[nodiscard]] Tensor W_O(std::int64_t layer) const;  // [n_heads, d_head, d_model]

 private:
  ForwardResult forward_chunks(const Batch& batch, Tap& tap, ForwardOptions options) const;
  ForwardResult run(const Tensor& tokens,
                    const BatchLayout& layout,
                    Tap& tap,
                    const ForwardOptions& options) const;
  ForwardResult finish(Pass& pass, Tensor resid, std::int64_t layer, const ForwardOptions&) const;
  [[nodiscard]] Tensor head_rows(std::int64_t layer, std::int64_t first, std::int64_t heads) const;

  std::shared_ptr<const Parts> parts_;
  std::vector<RotaryAngles> rotary_angles_;
  std::vector<AttentionSpec> attention_;
  std::shared_ptr<const StandingChange> standing_;
};

}  // namespace headscope
