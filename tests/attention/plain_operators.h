// The definitions of operators of heads in plain loops, one query at a time.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lib/attention/operators/operator_kind.h"
#include "lib/base/head_id.h"
#include "lib/model/model.h"
#include "lib/tensor/tensor.h"

namespace headscope::test {

// A query and the keys that it sees, the first token's first and its own last.
struct PlainQuery {
  std::int64_t layer = 0;
  std::vector<double> q{};
  std::vector<std::vector<double>> keys{};
  std::vector<double> scores{};  // scaled
  double scale = 1.0;
};

// How much the query takes of each value.
using PlainOperator = std::function<std::vector<double>(const PlainQuery&)>;

// Every operator once at least, as users write it, with its definition.
std::vector<std::pair<std::string, PlainOperator>> plain_operators();

// Every operator that can be given a whole prompt of nine tokens, with as much.
std::vector<std::string> whole_budgets();

// How queries and keys of the cases were turned.
KeyRotation plain_rotation();

std::vector<double> floats(const Tensor& x);
std::vector<HeadId> model_heads(const Model& model);

}  // namespace headscope::test
