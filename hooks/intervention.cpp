#include "hooks/intervention.h"

#include <array>

#include "lib/base/named.h"

namespace headscope {
namespace {

constexpr std::array<std::pair<Op, std::string_view>, 18> kOps{
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
     {Op::calibrate_sinks, "calibrate_sinks"},
     {Op::sae, "sae"}}};

using SaeDo = SaeChange::Do;
constexpr std::array<std::pair<SaeDo, std::string_view>, 6> kSaeDo{{{SaeDo::attach, "attach"},
                                                                    {SaeDo::ablate, "ablate"},
                                                                    {SaeDo::clamp, "clamp"},
                                                                    {SaeDo::scale, "scale"},
                                                                    {SaeDo::steer, "steer"},
                                                                    {SaeDo::patch, "patch"}}};

}  // namespace

std::string_view to_string(Op op) {
  return name_of(kOps, op);
}

std::string_view to_string(SaeChange::Do act) {
  return name_of(kSaeDo, act);
}

bool changes_scores_fused(Op op) {
  return op == Op::mask || op == Op::bias || op == Op::temperature || op == Op::renormalize;
}

Op parse_op(std::string_view text) {
  return value_named(kOps, text, "op");
}

SaeChange::Do parse_sae_do(std::string_view text) {
  return value_named(kSaeDo, text, "do");
}

}  // namespace headscope
