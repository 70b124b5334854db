#include <algorithm>

#include "lib/attention/operators/operators.h"
#include "lib/base/error.h"
#include "lib/base/named.h"

namespace headscope {
namespace {

constexpr std::pair<AttentionOperator::Kind, std::string_view> kKindNames[] = {
    {AttentionOperator::Kind::selection, "selection"},
    {AttentionOperator::Kind::normalizer, "normalizer"},
    {AttentionOperator::Kind::compensation, "compensation"},
    {AttentionOperator::Kind::position, "position"},
    {AttentionOperator::Kind::direction, "direction"}};

}  // namespace

std::span<const AttentionOperator> all_operators() {
  static const std::vector<AttentionOperator> all = {
      streaming_operator(),    window_operator(),
      arrow_operator(),        span_operator(),
      shards_operator(),       dilated_operator(),
      top_k_operator(),        threshold_operator(),
      top_p_operator(),        block_pooled_operator(),
      block_oracle_operator(), chunks_operator(),
      hip_operator(),          random_operator(),
      razor_operator(),        softmax_off_by_one_operator(),
      sigmoid_operator(),      relu_operator(),
      linear_operator(),       rope_base_operator(),
      rope_linear_operator(),  rope_ntk_operator(),
      rope_yarn_operator(),    log_scale_operator(),
  };
  return all;
}

std::string_view to_string(AttentionOperator::Kind kind) {
  return name_of(kKindNames, kind);
}

double OperatorValues::number(std::string_view name) const {
  const auto found = std::find_if(
      values_.begin(), values_.end(), [&](const auto& each) { return each.first == name; });
  if (found == values_.end()) {
    throw InternalError("an operator was asked for \"{}\", which is none of its parameters", name);
  }
  return found->second;
}

}  // namespace headscope
