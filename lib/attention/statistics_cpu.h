// The CPU's form of statistics.h, as Torch's dispatcher calls it.
#pragma once

#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace headscope {

// The schema of headscope::attention_statistics (statistics.cpp).
std::vector<at::Tensor> attention_statistics_cpu(const at::Tensor& q,
                                                 const at::Tensor& k,
                                                 double scale,
                                                 double softcap,
                                                 std::int64_t window,
                                                 const std::optional<at::Tensor>& pads,
                                                 const std::optional<at::Tensor>& alibi,
                                                 const std::optional<at::Tensor>& sinks,
                                                 const std::optional<at::Tensor>& lse,
                                                 std::int64_t top_k,
                                                 at::IntArrayRef offsets,
                                                 at::IntArrayRef windows,
                                                 const std::optional<at::Tensor>& spans,
                                                 const std::optional<at::Tensor>& targets,
                                                 std::int64_t rows,
                                                 std::int64_t block);

}  // namespace headscope
