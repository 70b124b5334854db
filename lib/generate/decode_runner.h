// Steps of decoding of rows that stay together: by one launch a step where the device can replay
// them (CUDA graphs), pass by pass elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "lib/model/model.h"
#include "lib/model/placed_tokens.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/launch_graph.h"

namespace headscope {

enum class DecodeBy {
  best,    // replayed where the device can, else passes
  passes,  // Model::forward() for each step
  room,    // Model::decode() for each step, nothing replayed: what is replayed, without a GPU
};

class DecodeRunner {
 public:
  struct Options {
    DecodeBy by = DecodeBy::best;
    std::int64_t room = 256;  // keys and values get room by multiples of so many columns
    // What records steps; null where nothing can.
    std::function<std::unique_ptr<LaunchGraph>(const Device&)> graph = launch_graph;
  };
  // `model` outlives it.
  DecodeRunner(const Model& model, Options options);

  // The logits behind one more token of every row, [B, d_vocab] f32, and likeliest_on_device() of
  // them; both good until the next step.
  struct Next {
    Tensor logits;
    Tensor likeliest;
  };
  // Extends the cache as Model::forward() does, and tells the tap of each step that is replayed.
  Next next(const Batch& batch, KvCache& cache, Tap& tap);

  // The next step is of other rows, of a cache that was changed, or has another tap.
  void rows_changed();

  // How the steps so far ran.
  struct Counts {
    std::int64_t passes = 0;
    std::int64_t in_room = 0;  // by Model::decode(), run at once
    std::int64_t recorded = 0;
    std::int64_t replayed = 0;  // with the first run of each recording
    std::string why_passes{};   // why the last step was a pass; empty: it was none
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  // `tap` behind what belongs to the model.
  [[nodiscard]] Tap& changing(Tap& tap) const {
    return changed_ ? static_cast<Tap&>(*changed_) : tap;
  }
  [[nodiscard]] std::string why_not(const Batch& batch, const KvCache& cache, const Tap& tap) const;
  Next pass(const Batch& batch, KvCache& cache, Tap& tap);
  void start(const Batch& batch, KvCache& cache, Tap& tap);
  void place(const Batch& batch, const KvCache& cache);
  void run(const BatchLayout& layout, KvCache& cache, Tap& tap);
  bool record(const std::function<void()>& work, Tap& tap);

  const Model& model_;
  Model bare_;  // without its standing change, which is part of changed_
  Options options_;
  Counts counts_;
  std::string broken_;  // why recording failed; it is not tried again

  // Of the rows that are together now.
  bool started_ = false;
  bool warm_ = false;
  bool recorded_ = false;
  std::unique_ptr<StandingTap> changed_;
  std::string why_passes_;
  Tensor numbers_;  // all of in_, one behind the other, so that one copy fills them
  PlacedTokens in_;
  Next next_;
  std::unique_ptr<LaunchGraph> graph_;
};

}  // namespace headscope
