// How much memory a run will take.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hooks/record.h"
#include "lib/base/device.h"
#include "lib/base/dtype.h"
#include "lib/model/config.h"
#include "lib/model/model.h"
#include "lib/model/site.h"

namespace headscope {

// One batch: `rows` prompts, padded to `columns` tokens.
struct BatchShape {
  std::int64_t rows = 1;
  std::int64_t columns = 0;
  bool padded = false;
};

// Estimates, leaning upwards, in bytes, of what a run holds at its fullest beside the weights. With
// T = rows × columns tokens, M = rows × columns², H heads, K KV heads and `size` bytes an element
// of the dtype:
//
//   activations  T × 6·d_model × 4                    the residual stream entering a block, amid it
//                                                     and after, what each half adds, normalised
//              + T × 2·max(attention, 3·d_mlp) × size attention: q, k, v and their rotated copies,
//                                                     2·(H + 2K)·d_head; z and the k, v repeated
//                                                     for every head, 3·H·d_head. Twice, for what
//                                                     the libraries' matrix products pack
//              + M × (masks + 5)                      a mask for every window, if any is needed
//              + min(M × H, 2^24) × 12                soft-capped scores, made block by block
//   logits       2 × (all: T, last: rows, none: 0) × d_vocab × 4
//   watched      the largest watched value, × 2 for scores and pattern, which stand side by side;
//                or the sum of all where they are kept
//   host         on the way to a trace: the queue, and two copies of one prompt's largest value;
//                with a GPU also that value and the logits of the whole batch
struct MemoryNeed {
  std::int64_t activations = 0;
  std::int64_t logits = 0;
  std::int64_t watched = 0;
  std::int64_t host = 0;  // in the host's memory wherever the model is
  BatchShape shape;

  [[nodiscard]] std::int64_t on_device() const;
  [[nodiscard]] std::int64_t total() const;
};

// The bytes of `points`' values of one batch together, had they been kept.
std::int64_t watched_bytes(const ModelConfig& config,
                           const std::vector<HookPoint>& points,
                           const BatchShape& shape);

// Of one forward pass; `watched` is what is looked at and let go.
MemoryNeed pass_need(const ModelConfig& config,
                     DType dtype,
                     const BatchShape& shape,
                     Logits logits,
                     const std::vector<HookPoint>& watched = {});

// Of the batch of a recording that takes most.
MemoryNeed record_need(const Model& model,
                       const std::vector<TracePrompt>& prompts,
                       const RecordOptions& options);

// Throws ResourceError if `need` is more than there is on the device or the host: what it needs,
// what there is, and `way_out` ("a smaller --shape").
void check_memory(const MemoryNeed& need, const Device& device, const std::string& way_out);

}  // namespace headscope
