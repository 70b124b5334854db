#include "analyses/sweep/checked_sink.h"

#include <cmath>

#include "lib/base/error.h"
#include "lib/model/not_finite.h"

namespace headscope {

void CheckedSink::put(const std::vector<ResultStore::Value>& values) {
  for (const auto& [cell, prompt, value] : values) {
    if (std::isnan(value)) {
      throw DataError(
          "the metric of {}, item {}, is not a number: the model's logits are not finite there; {}",
          grid_.name(grid_.cell(cell)),
          task_.items[static_cast<std::size_t>(prompt)].id,
          not_finite_advice(model_));
    }
  }
  to_.put(values);
  report(static_cast<std::int64_t>(values.size()));
}

void CheckedSink::count_done(std::int64_t first_cell, std::int64_t end_cell) {
  const auto items = static_cast<std::int64_t>(task_.items.size());
  progress_.total = (end_cell - first_cell) * items;
  std::int64_t done_before = 0;
  for (std::int64_t cell = first_cell; cell < end_cell; ++cell) {
    for (std::int64_t item = 0; item < items; ++item) {
      done_before += to_.done(cell, item) ? 1 : 0;
    }
  }
  report(done_before);
}

void CheckedSink::report(std::int64_t more) {
  progress_.done += more;
  if (options_.progress) {
    options_.progress(progress_);
  }
}

}  // namespace headscope
