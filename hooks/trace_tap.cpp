#include "hooks/trace_tap.h"

#include <cstring>

#include "hooks/joined.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {

void TraceTap::write(std::size_t prompt, const std::string& dataset, const Tensor& value) {
  const bool is_float = at::isFloatingType(value.scalar_type());
  const Tensor plain = (is_float ? value : value.to(at::kFloat)).contiguous();
  std::vector<std::uint8_t> bytes(plain.nbytes());
  std::memcpy(bytes.data(), plain.const_data_ptr(), bytes.size());
  bytes_ += static_cast<std::int64_t>(bytes.size());
  writer_.write(prompt, dataset, dtype_of(plain), std::move(bytes));
}

Tensor TraceTap::visit(const Visit& visit, const Tensor& value) {
  firing_.count(visit.point);
  const Tensor here = value.cpu();  // one copy for all rows
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    const auto index = static_cast<std::int64_t>(row);
    write(rows_[row],
          visit.name(),
          one_prompt(here, visit.point.site, index, visit.layout.pads[row]));
  }
  return value;
}

}  // namespace headscope
