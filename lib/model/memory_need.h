// What running a model takes, and how much at once is worth it: the numbers that every plan of
// batches shares. Plans decide which prompts run together and with that how results round, so a
// change here changes the last digits of stored results.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/attention/attention.h"
#include "lib/base/device.h"
#include "lib/base/dtype.h"
#include "lib/model/model.h"
#include "lib/model/site.h"

namespace headscope {

// Tokens in one pass whose values alone are kept, and of one whose logits over the whole vocabulary
// are: enough for products to run at full speed.
inline constexpr std::int64_t kTokensAtOnce = 4096;
inline constexpr std::int64_t kTokensWithLogits = 1024;

// Tokens in one batch beyond which runs get no faster, only larger and lost when cut short.
enum class PassDirection { forwards, backwards };
std::int64_t enough_tokens(const Device& device, PassDirection direction);

// True where attention forms its scores by blocks of queries. A config knows nothing of learned
// biases, a model does.
bool forms_scores(const ModelConfig& config);
bool forms_scores(const Model& model);

// Bytes that each of them (kScoresAtOnce, lib/attention/attention.h) takes on its way to the
// pattern.
inline constexpr std::int64_t kBytesOfScore = 12;

// Bytes that one token takes on its way through one layer, leaning upwards, attention maps apart:
//
//   6·d_model × 4                     the residual stream entering a block, amid it and after, what
//                                     each half adds, normalised
//   2·max(attention, 3·d_mlp) × size  attention: q, k, v and their rotated copies, 2·(H +
//   2K)·d_head;
//                                     z and the k, v repeated for every head, 3·H·d_head. Twice,
//                                     for what the libraries' matrix products pack
//   chosen·d_model × (size + 12)      experts: what each is sent, what it writes, sorted and back;
//                                     their widest is the largest, were all tokens sent to one
//   3·experts × 4                     the router's logits and weights
//
// with H heads, K KV heads and `size` bytes an element of the dtype.
std::int64_t token_bytes(const ModelConfig& config, DType dtype);

// Bytes (f32) that one token, of a prompt of `columns`, keeps of one layer when it runs backwards,
// attention's maps included. formed: scores and pattern are tensors of their own, each with its
// gradient.
enum class AttentionMaps { fused, formed };
std::int64_t backward_token_bytes(const ModelConfig& config,
                                  std::int64_t columns,
                                  AttentionMaps maps);

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
//   activations  T × token_bytes()
//              + M × (masks + 5)                      a mask for every window, if any is needed
//              + min(M × H, 2^24) × 12                scores, where formed: block by block
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

// A size worked out in floating point, which no shape makes overflow, as a whole number of bytes.
std::int64_t whole_bytes(double size);

// The logits of a batch, twice: as computed and as returned.
std::int64_t logits_bytes(const ModelConfig& config, const BatchShape& shape, Logits logits);

// The largest of `points`' values of one batch; scores and pattern count twice.
std::int64_t largest_watched_bytes(const ModelConfig& config,
                                   const std::vector<HookPoint>& points,
                                   const BatchShape& shape);

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

// Throws ResourceError if `need` is more than there is on the device or the host: what it needs,
// what there is, and `way_out` ("a smaller --shape").
void check_memory(const MemoryNeed& need, const Device& device, const std::string& way_out);

}  // namespace headscope
