#include <algorithm>

#include "analyses/head_detectors/probe.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

template <typename Value>
void add_new(std::vector<Value>& list, const std::vector<Value>& more) {
  for (const Value& each : more) {
    if (std::find(list.begin(), list.end(), each) == list.end()) {
      list.push_back(each);
    }
  }
}

template <typename Value>
Tensor one_of(const Tensor& all, const std::vector<Value>& list, const Value& wanted) {
  const auto found = std::find(list.begin(), list.end(), wanted);
  if (found == list.end() || !all.defined()) {
    throw InternalError("a detector reads {}, which it did not ask for", wanted);
  }
  return all.select(-1, found - list.begin());
}

const Tensor& asked(const Tensor& tensor, const char* name) {
  if (!tensor.defined()) {
    throw InternalError("a detector reads {}, which it did not ask for", name);
  }
  return tensor;
}

}  // namespace

StatisticsAsks operator|(StatisticsAsks first, const StatisticsAsks& second) {
  add_new(first.offsets, second.offsets);
  add_new(first.windows, second.windows);
  add_new(first.spans, second.spans);
  first.first = first.first || second.first;
  first.entropy = first.entropy || second.entropy;
  first.distance = first.distance || second.distance;
  first.columns = first.columns || second.columns;
  return first;
}

Tensor ProbeView::offset(std::int64_t columns) const {
  return one_of(statistics_.offset_mass, asks_.offsets, columns);
}

Tensor ProbeView::window(std::int64_t columns) const {
  return one_of(statistics_.window_mass, asks_.windows, columns);
}

Tensor ProbeView::span(const std::string& name) const {
  return one_of(statistics_.span_mass, asks_.spans, name);
}

Tensor ProbeView::first() const {
  return asked(statistics_.first_mass, "the mass on the first token");
}

Tensor ProbeView::entropy() const {
  return asked(statistics_.entropy, "the entropy");
}

Tensor ProbeView::distance() const {
  return asked(statistics_.distance, "the mean distance");
}

Tensor ProbeView::columns() const {
  return asked(statistics_.column_mass, "the mass of columns");
}

std::int64_t ProbeView::length() const {
  return statistics_.lse.size(2);
}

Tensor ProbeView::mean(const Tensor& value, std::int64_t from, std::int64_t to) const {
  const std::int64_t end = to == 0 ? value.size(2) : to;
  return value.narrow(2, from, end - from).mean(2);
}

Tensor ProbeView::keys_in(const std::string& span) const {
  return span_masks({span}, prompts_)
      .squeeze(0)
      .unsqueeze(1)
      .to(statistics_.lse.device(), at::kFloat);
}

Tensor ProbeView::at(const Tensor& value, const std::string& span) const {
  const Tensor weights = keys_in(span);
  return (value * weights).sum(2) / weights.sum(2);
}

Tensor span_masks(const std::vector<std::string>& spans, const std::vector<ProbePrompt>& prompts) {
  const auto rows = static_cast<std::int64_t>(prompts.size());
  const auto columns = static_cast<std::int64_t>(prompts.front().tokens.size());
  Tensor masks = at::zeros({static_cast<std::int64_t>(spans.size()), rows, columns}, at::kBool);
  for (std::size_t s = 0; s < spans.size(); ++s) {
    for (std::size_t b = 0; b < prompts.size(); ++b) {
      const auto found = prompts[b].columns.find(spans[s]);
      if (found == prompts[b].columns.end()) {
        throw DataError("a prompt has no span \"{}\"", spans[s]);
      }
      for (const std::int64_t column : found->second) {
        masks.data_ptr<bool>()[(static_cast<std::int64_t>(s * prompts.size() + b)) * columns +
                               column] = true;
      }
    }
  }
  return masks;
}

}  // namespace headscope
