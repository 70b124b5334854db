#include "hooks/strength.h"

#include <algorithm>
#include <cmath>

#include "hooks/row_tokens.h"
#include "hooks/selection.h"
#include "lib/tensor/ops.h"

namespace headscope {

double StrengthSchedule::at(std::int64_t step) const {
  const auto k = static_cast<double>(std::max<std::int64_t>(step, 0));
  if (kind == Kind::decay) {
    return from * std::pow(rate, k);
  }
  return from + (to - from) * std::min(k / static_cast<double>(steps), 1.0);
}

Tensor strengths(const StrengthSchedule& schedule, const Visit& visit, const Tensor& value) {
  const int axis = token_axis(visit.point.site);
  const std::int64_t columns = value.size(axis);
  const std::int64_t first = first_column(visit, value);
  Tensor out = at::empty({visit.layout.rows, columns}, at::kFloat);
  for (std::int64_t row = 0; row < visit.layout.rows; ++row) {
    const RowTokens tokens(visit, row, nullptr);
    const std::int64_t pad = visit.layout.pads[static_cast<std::size_t>(row)];
    for (std::int64_t i = 0; i < columns; ++i) {
      out.data_ptr<float>()[row * columns + i] =
          static_cast<float>(schedule.at(tokens.step(first + i - pad)));
    }
  }
  std::vector<std::int64_t> shape(static_cast<std::size_t>(value.dim()), 1);
  shape[0] = visit.layout.rows;
  shape[static_cast<std::size_t>(axis)] = columns;
  return out.view(shape).to(value.device());
}

}  // namespace headscope
