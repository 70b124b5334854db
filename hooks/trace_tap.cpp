#include "hooks/trace_tap.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "hooks/joined.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// On the CPU, in a dtype a trace takes.
Tensor storable_value(const Tensor& value) {
  return at::isFloatingType(value.scalar_type()) ? value.cpu() : value.to(at::kFloat).cpu();
}

// True if the tensor's memory is its elements in order, and little else: a view of something larger
// would keep all of that in memory while it waits.
bool is_packed(const Tensor& value) {
  return value.is_contiguous() && value.storage().nbytes() <= value.nbytes() + value.nbytes() / 4;
}

// The values one after another in one piece of memory.
Tensor packed(const std::vector<Tensor>& values, const std::vector<std::size_t>& order) {
  std::int64_t elements = 0;
  for (const Tensor& value : values) {
    elements += value.numel();
  }
  Tensor all = at::empty({elements}, values.front().options());
  std::int64_t at = 0;
  for (const std::size_t row : order) {
    const Tensor& value = values[row];
    all.narrow(0, at, value.numel()).view(value.sizes()).copy_(value);
    at += value.numel();
  }
  return all;
}

}  // namespace

void TraceTap::set_rows(std::vector<std::size_t> prompts) {
  rows_ = std::move(prompts);
  order_.resize(rows_.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
    return rows_[a] < rows_[b];
  });
  prompts_.clear();
  for (const std::size_t row : order_) {
    prompts_.push_back(rows_[row]);
  }
}

void TraceTap::queue(const std::string& dataset, const Tensor& packed) {
  const auto owner = std::make_shared<const Tensor>(packed);
  const std::size_t size = packed.nbytes();
  bytes_ += static_cast<std::int64_t>(size);
  const auto* data = static_cast<const std::uint8_t*>(packed.const_data_ptr());
  writer_.write(prompts_, dataset, dtype_of(packed), {data, size, owner});
}

void TraceTap::write_each(const std::string& dataset, const std::vector<Tensor>& values) {
  std::vector<Tensor> here;
  for (const Tensor& value : values) {
    here.push_back(storable_value(value));
  }
  queue(dataset, packed(here, order_));
}

void TraceTap::write(const std::string& dataset, const Visit& visit, const Tensor& value) {
  const Tensor here = storable_value(value);  // one copy for all rows
  if (prompts_ == rows_ && !visit.layout.padded() && is_packed(here)) {
    queue(dataset, here);
    return;
  }
  std::vector<Tensor> rows;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    const auto index = static_cast<std::int64_t>(row);
    rows.push_back(one_prompt(here, visit.point.site, index, visit.layout.pads[row]));
  }
  queue(dataset, packed(rows, order_));
}

Tensor TraceTap::visit(const Visit& visit, const Tensor& value) {
  firing_.count(visit.point);
  write(visit.name(), visit, value);
  return value;
}

}  // namespace headscope
