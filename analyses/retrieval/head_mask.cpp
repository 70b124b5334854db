#include "analyses/retrieval/head_mask.h"

#include <algorithm>
#include <map>

#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/random.h"

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
    throw UsageError("{} to mask, but only {} of {} may be{}",
                     counted(mask.count, "head"),
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

std::string name_of_mean(std::int64_t layer) {
  return fmt::format("mean of z, layer {}", layer);
}

std::vector<Intervention> mask_interventions(const HeadMask& mask,
                                             std::uint64_t seed,
                                             const std::vector<std::string_view>& prompt_ids) {
  // Rows of one choice of a layer's heads are one intervention.
  std::map<std::pair<std::int64_t, std::vector<std::int64_t>>, std::vector<std::int64_t>> rows_of;
  for (std::size_t row = 0; row < prompt_ids.size(); ++row) {
    std::map<std::int64_t, std::vector<std::int64_t>> heads_of;
    for (const auto& [layer, head] : masked_heads(mask, seed, prompt_ids[row])) {
      heads_of[layer].push_back(head);
    }
    for (auto& [layer, heads] : heads_of) {
      std::sort(heads.begin(), heads.end());
      rows_of[{layer, heads}].push_back(static_cast<std::int64_t>(row));
    }
  }
  const bool uniform = mask.mode == MaskMode::decode_uniform;
  std::vector<Intervention> list;
  for (const auto& [which, rows] : rows_of) {
    const auto& [layer, heads] = which;
    list.push_back({.site = hook_name(uniform ? Site::pattern : Site::z, static_cast<int>(layer)),
                    .where = {.heads = heads},
                    .op = uniform                       ? Op::uniform
                          : mask.mode == MaskMode::zero ? Op::zero
                                                        : Op::replace});
    if (rows.size() < prompt_ids.size()) {
      list.back().where.prompts = rows;
    }
    if (mask.mode == MaskMode::mean) {
      list.back().values.name = name_of_mean(layer);
    }
  }
  return list;
}

}  // namespace headscope
