#include "lib/model/kv_parts.h"

#include <algorithm>

#include "lib/model/model.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

// What all query heads of a KV head keep; nothing: not all the same, or everything.
std::optional<KeptKeys> kept_by(const AttentionSpec& spec, std::int64_t kv, std::int64_t group) {
  std::optional<KeptKeys> kept;
  for (std::int64_t head = kv * group; head < (kv + 1) * group; ++head) {
    const auto& op = spec.operators[static_cast<std::size_t>(head)];
    const auto own = op ? op->kept_keys() : std::nullopt;
    if (!own || (kept && *kept != *own)) {
      return std::nullopt;
    }
    kept = own;
  }
  return kept;
}

KvParts parts_of_layer(const AttentionSpec& spec, const ModelConfig& config) {
  AttentionSpec bare = spec;
  bare.operators.clear();
  const bool may =
      !spec.operators.empty() && !forms_scores(bare) && is_causal(bare) && bare.window == 0;
  KvParts parts;
  for (std::int64_t kv = 0; kv < config.n_kv_heads; ++kv) {
    const auto kept = may ? kept_by(spec, kv, config.heads_per_kv()) : std::nullopt;
    if (!kept) {
      parts.whole.push_back(kv);
      continue;
    }
    auto group = std::ranges::find(parts.streamed, *kept, &KvParts::Streamed::kept);
    if (group == parts.streamed.end()) {
      parts.streamed.push_back({.kept = *kept});
      group = std::prev(parts.streamed.end());
    }
    group->heads.push_back(kv);
  }
  return parts;
}

void place_indices(KvParts& parts, std::int64_t group, const at::Device& device) {
  const auto placed = [&](const std::vector<std::int64_t>& kv_heads) {
    return KvParts::Index{.queries = index_tensor(query_heads(kv_heads, group), device),
                          .kv_heads = index_tensor(kv_heads, device)};
  };
  parts.whole_index = placed(parts.whole);
  for (KvParts::Streamed& each : parts.streamed) {
    each.index = placed(each.heads);
  }
}

}  // namespace

std::vector<std::int64_t> query_heads(const std::vector<std::int64_t>& kv_heads,
                                      std::int64_t group) {
  std::vector<std::int64_t> heads;
  for (const std::int64_t kv : kv_heads) {
    for (std::int64_t i = 0; i < group; ++i) {
      heads.push_back(kv * group + i);
    }
  }
  return heads;
}

std::vector<KvParts> kv_parts(const Model& model) {
  std::vector<KvParts> parts;
  bool any = false;
  for (std::int64_t layer = 0; layer < model.config().n_layers; ++layer) {
    parts.push_back(parts_of_layer(model.attention(layer), model.config()));
    place_indices(parts.back(), model.config().heads_per_kv(), to_torch(model.device(layer)));
    any = any || !parts.back().streamed.empty();
  }
  return any ? parts : std::vector<KvParts>();
}

}  // namespace headscope
