// Heads taken out of action while a model decodes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hooks/intervention.h"
#include "lib/base/head_id.h"

namespace headscope {

// What becomes of a masked head.
//   decode_uniform  in decode steps it attends to all keys it sees alike; the prefill stays whole.
//                   What the published code does (Wu et al. 2024): it masks scores, not outputs.
//   zero            its z is 0 everywhere, prefill and decode
//   mean            its z is that head's mean over all positions of the prompts, everywhere
enum class MaskMode { decode_uniform, zero, mean };
MaskMode parse_mask_mode(std::string_view text);  // "decode-uniform", "zero", "mean"; UsageError
std::string_view to_string(MaskMode mode);

struct HeadMask {
  enum class Choice { none, top, random } choice = Choice::none;
  std::int64_t count = 0;
  MaskMode mode = MaskMode::decode_uniform;
  std::uint64_t draw = 0;        // random: which of several draws
  std::vector<HeadId> ranked{};  // all heads, the best first

  [[nodiscard]] std::string name() const;  // "top 10", "random 10, draw 0", "none"
};

// Of `heads` heads ranked, those a random mask never takes: the first 100, or the first fifth where
// that is fewer.
std::int64_t spared_by_random(std::int64_t heads);

// The heads a mask takes of one prompt. Random ones are drawn anew for every prompt,
// as in the published code. Throws UsageError if there are not so many.
std::vector<HeadId> masked_heads(const HeadMask& mask,
                                 std::uint64_t seed,
                                 std::string_view prompt_id);

// The mask of a batch of these prompts as interventions; rows may have other heads than their
// neighbours. Those of MaskMode::mean ask for the values that name_of_mean() names.
std::vector<Intervention> mask_interventions(const HeadMask& mask,
                                             std::uint64_t seed,
                                             const std::vector<std::string_view>& prompt_ids);

// Of a layer's mean of z [n_heads, d_head].
std::string name_of_mean(std::int64_t layer);

}  // namespace headscope
