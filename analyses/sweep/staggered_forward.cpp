#include "analyses/sweep/staggered_forward.h"

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

Tensor join(const Tensor& first, const Tensor& second) {
  return first.defined() ? at::cat({first, second.to(first.device())}) : second;
}

}  // namespace

std::optional<Stream> staggered_forward(const std::vector<ResidualRows>& entering,
                                        std::int64_t end,
                                        const StaggeredForward& with) {
  Stream active;
  auto next = entering.begin();
  const auto take = [&](std::int64_t layer, Resume::At at) {
    for (; next != entering.end() && next->layer == layer && next->at == at; ++next) {
      const Stream more =
          at == Resume::At::mid ? with.run(*next, layer + 1) : Stream{next->streams, next->row};
      active = {join(active.resid, more.resid), join(active.row, more.row)};
    }
  };
  const auto arrive = [&](std::int64_t layer) {
    take(layer, Resume::At::layer);
    if (active.resid.defined() && with.at_layer) {
      with.at_layer(layer, active);
    }
  };
  for (std::int64_t layer = 0; layer < end; ++layer) {
    if (with.stop && with.stop()) {
      return std::nullopt;
    }
    arrive(layer);
    if (active.resid.defined()) {
      active = with.run({layer, Resume::At::layer, active.resid, active.row}, layer + 1);
    }
    take(layer, Resume::At::mid);
  }
  arrive(end);
  if (next != entering.end()) {
    throw InternalError("rows enter out of the order of their layers, or beyond the last");
  }
  return active;
}

BatchLayout layout_of_rows(const BatchLayout& batch, std::int64_t first, const Tensor& row) {
  BatchLayout layout = batch;
  layout.past = first;
  layout.columns = batch.columns - first;
  layout.rows = row.size(0);
  layout.pads.clear();
  layout.read_at.clear();
  layout.texts = nullptr;  // of other rows
  const Tensor rows = row.cpu();
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    const auto index = static_cast<std::size_t>(rows.const_data_ptr<std::int64_t>()[i]);
    layout.pads.push_back(batch.pads[index]);
    if (!batch.read_at.empty()) {
      layout.read_at.push_back(batch.read_at[index]);
    }
  }
  return layout;
}

}  // namespace headscope
