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
#define HEADSCOPE_MAKE(name) name##_operator(),
  static const std::vector<AttentionOperator> all{HEADSCOPE_OPERATORS(HEADSCOPE_MAKE)};
#undef HEADSCOPE_MAKE
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
