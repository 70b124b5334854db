#include "analyses/retrieval/head_mask.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

MaskMode parse_mask_mode(std::string_view text) {
  for (const MaskMode mode : {MaskMode::decode_uniform, MaskMode::zero, MaskMode::mean}) {
    if (text == to_string(mode)) {
      return mode;
    }
  }
  throw UsageError("a mask is decode-uniform, zero or mean, not '{}'", text);
}

std::string_view to_string(MaskMode mode) {
  return mode == MaskMode::decode_uniform ? "decode-uniform"
         : mode == MaskMode::zero         ? "zero"
                                          : "mean";
}

std::string HeadMask::name() const {
  return choice == Choice::none  ? "none"
         : choice == Choice::top ? fmt::format("top {}", count)
                                 : fmt::format("random {}, draw {}", count, draw);
}

std::int64_t spared_by_random(std::int64_t heads) {
  return std::min<std::int64_t>(100, heads / 5);
}

std::vector<HeadId> masked_heads(const HeadMask& mask,
                                 std::uint64_t seed,
                                 std::string_view prompt_id) {
  std::vector<HeadId> heads = mask.ranked;
  const auto all = static_cast<std::int64_t>(heads.size());
  const bool random = mask.choice == HeadMask::Choice::random;
  const std::int64_t spared = random ? spared_by_random(all) : 0;
  if (mask.count > all - spared) {
    throw UsageError("{} heads to mask, but only {} of {} may be{}",
                     mask.count,
                     all - spared,
                     all,
                     random ? fmt::format(" drawn: the {} best are never", spared) : "");
  }
  heads.erase(heads.begin(), heads.begin() + spared);
  if (random) {
    Random draws(seed, fmt::format("mask {} {}", mask.draw, prompt_id));
    heads = draws.sample(heads, static_cast<std::size_t>(mask.count));
  }
  heads.resize(mask.choice == HeadMask::Choice::none ? 0 : static_cast<std::size_t>(mask.count));
  return heads;
}

std::vector<Tensor> mask_tensors(const Model& model,
                                 const HeadMask& mask,
                                 std::uint64_t seed,
                                 const std::vector<std::string_view>& prompt_ids) {
  const ModelConfig& config = model.config();
  std::vector<Tensor> layers(static_cast<std::size_t>(config.n_layers));
  const auto rows = static_cast<std::int64_t>(prompt_ids.size());
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    for (const auto& [layer, head] : masked_heads(mask, seed, prompt_ids[at])) {
      Tensor& masked = layers.at(static_cast<std::size_t>(layer));
      if (!masked.defined()) {
        masked = at::zeros({rows, config.n_heads}, at::kBool);
      }
      masked.data_ptr<bool>()[row * config.n_heads + head] = true;
    }
  }
  for (Tensor& masked : layers) {
    masked = masked.defined() ? masked.to(to_torch(model.device())) : masked;
  }
  return layers;
}

}  // namespace headscope
