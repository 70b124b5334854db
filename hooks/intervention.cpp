#include "hooks/intervention.h"

#include <array>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

constexpr std::array<std::pair<Op, std::string_view>, 17> kOps{
    {{Op::zero, "zero"},
     {Op::mean, "mean"},
     {Op::resample, "resample"},
     {Op::scale, "scale"},
     {Op::add, "add"},
     {Op::replace, "replace"},
     {Op::project_out, "project_out"},
     {Op::low_rank, "low_rank"},
     {Op::clamp, "clamp"},
     {Op::mask, "mask"},
     {Op::bias, "bias"},
     {Op::temperature, "temperature"},
     {Op::renormalize, "renormalize"},
     {Op::uniform, "uniform"},
     {Op::top_k, "top_k"},
     {Op::set_row, "set_row"},
     {Op::calibrate_sinks, "calibrate_sinks"}}};

}  // namespace

std::string_view to_string(Op op) {
  for (const auto& [known, name] : kOps) {
    if (known == op) {
      return name;
    }
  }
  throw InternalError("an op without a name");
}

bool changes_scores_fused(Op op) {
  return op == Op::mask || op == Op::bias || op == Op::temperature || op == Op::renormalize;
}

Op parse_op(std::string_view text) {
  std::vector<std::string> names;
  for (const auto& [op, name] : kOps) {
    if (name == text) {
      return op;
    }
    names.emplace_back(name);
  }
  throw DataError("op \"{}\": there is {}{}",
                  text,
                  fmt::join(names, ", "),
                  did_you_mean(std::string(text), names));
}

}  // namespace headscope
