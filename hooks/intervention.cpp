#include "hooks/intervention.h"

#include <array>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/suggest.h"

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

template <typename Words, typename Value>
std::string_view word_for(const Words& words, Value value) {
  for (const auto& [known, name] : words) {
    if (known == value) {
      return name;
    }
  }
  throw InternalError("a choice of interventions without a name");
}

template <typename Words>
auto value_for(const Words& words, std::string_view text, std::string_view key) {
  std::vector<std::string> names;
  for (const auto& [value, name] : words) {
    if (name == text) {
      return value;
    }
    names.emplace_back(name);
  }
  throw DataError("{} \"{}\": there is {}{}",
                  key,
                  text,
                  fmt::join(names, ", "),
                  did_you_mean(std::string(text), names));
}

}  // namespace

std::string_view to_string(Op op) {
  return word_for(kOps, op);
}

std::string_view to_string(SaeChange::Do act) {
  return word_for(kSaeDo, act);
}

bool changes_scores_fused(Op op) {
  return op == Op::mask || op == Op::bias || op == Op::temperature || op == Op::renormalize;
}

Op parse_op(std::string_view text) {
  return value_for(kOps, text, "op");
}

SaeChange::Do parse_sae_do(std::string_view text) {
  return value_for(kSaeDo, text, "do");
}

}  // namespace headscope
