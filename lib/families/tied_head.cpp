#include "lib/families/tied_head.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/warning.h"
#include "lib/families/source_names.h"

namespace headscope {
namespace {

constexpr std::int64_t kTiedRowsAtATime = 256;

const std::string& embedding_name(const WeightRules& rules) {
  const auto rule = std::find_if(rules.model.begin(), rules.model.end(), [](const WeightRule& r) {
    return r.target == "W_E";
  });
  if (rule == rules.model.end()) {
    throw InternalError("weight rules without W_E");
  }
  return rule->source;
}

// Every value alike; stops at the first rows that are not.
bool equal_values(const WeightSource& source, const StoredTensor& a, const StoredTensor& b) {
  std::atomic<bool> equal{true};
  parallel_for(a.rows(), kTiedRowsAtATime, [&](std::int64_t begin, std::int64_t end) {
    const auto count = static_cast<std::size_t>(kTiedRowsAtATime * a.row_length());
    std::vector<float> left(count);
    std::vector<float> right(count);
    for (std::int64_t row = begin; row < end && equal; row += kTiedRowsAtATime) {
      const std::int64_t last = std::min(end, row + kTiedRowsAtATime);
      source.read_rows(a, row, last, DType::f32, left.data());
      source.read_rows(b, row, last, DType::f32, right.data());
      const auto used = static_cast<std::ptrdiff_t>((last - row) * a.row_length());
      if (!std::equal(left.begin(), left.begin() + used, right.begin())) {
        equal = false;
      }
    }
  });
  return equal;
}

}  // namespace

void settle_tied_head(const WeightSource& source, const WeightRules& rules, ModelConfig& config) {
  if (!config.tied_embeddings || rules.tied_head.empty()) {
    return;
  }
  const SourceNames names(source);
  const StoredTensor* head = names.find_if_stored(rules.tied_head);
  const StoredTensor* embedding = names.find_if_stored(embedding_name(rules));
  if (head == nullptr || embedding == nullptr) {
    return;
  }
  if (head->shape != embedding->shape) {
    throw DataError("{}: tensor {} is {} but {}, to which the config ties it, is {}",
                    source.files().front().string(),
                    head->name,
                    fmt::join(head->shape, "×"),
                    embedding->name,
                    fmt::join(embedding->shape, "×"));
  }
  if (!equal_values(source, *head, *embedding)) {
    config.tied_embeddings = false;
    warn(fmt::format(
        "{}: the config ties the embeddings, but a {} of its own is stored: that is used, as "
        "transformers does",
        source.files().front().string(),
        head->name));
  }
}

WeightRules with_preferred_names(const WeightSource& source, WeightRules rules) {
  const SourceNames names(source);
  for (WeightRule& rule : rules.model) {
    const StoredTensor* preferred =
        rule.preferred.empty() ? nullptr : names.find_if_stored(rule.preferred);
    if (preferred == nullptr) {
      continue;
    }
    const StoredTensor* other = names.find_if_stored(rule.source);
    if (other != nullptr &&
        (other->shape != preferred->shape || !equal_values(source, *other, *preferred))) {
      warn(fmt::format("{}: {} and {} are tied but differ: the first is used, as transformers does",
                       source.files().front().string(),
                       preferred->name,
                       other->name));
    }
    rule.source = rule.preferred;
  }
  return rules;
}

WeightRules with_embedding_from_head(const WeightSource& source, WeightRules rules) {
  const SourceNames names(source);
  if (rules.tied_head.empty() || names.find_if_stored(rules.tied_head) == nullptr ||
      names.find_if_stored(embedding_name(rules)) != nullptr) {
    return rules;
  }
  for (WeightRule& rule : rules.model) {
    if (rule.target == "W_E") {
      rule.source = rules.tied_head;
    }
  }
  return rules;
}

}  // namespace headscope
