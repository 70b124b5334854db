#include "hooks/intervention.h"

#include <array>

#include "lib/base/error.h"
#include "lib/base/suggest.h"

namespace headscope {
namespace {

constexpr std::array<std::pair<Op, std::string_view>, 11> kOps{{{Op::zero, "zero"},
                                                                {Op::mean, "mean"},
                                                                {Op::resample, "resample"},
                                                                {Op::scale, "scale"},
                                                                {Op::add, "add"},
                                                                {Op::replace, "replace"},
                                                                {Op::project_out, "project_out"},
                                                                {Op::clamp, "clamp"},
                                                                {Op::mask, "mask"},
                                                                {Op::bias, "bias"},
                                                                {Op::uniform, "uniform"}}};

}  // namespace

std::string_view to_string(Op op) {
  for (const auto& [known, name] : kOps) {
    if (known == op) {
      return name;
    }
  }
  throw InternalError("an op without a name");
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
