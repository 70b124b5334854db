#include "analyses/logit_attribution/totals.h"

#include <cmath>
#include <string_view>

#include "analyses/logit_attribution/components.h"
#include "analyses/results/result_kind.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

struct TotalsKind {
  std::string_view name;
  bool (*holds)(std::string_view part);
};

constexpr TotalsKind kKinds[] = {
    {"embeddings",
     [](std::string_view part) { return part == kTokenPart || part == kPositionPart; }},
    {"heads",
     [](std::string_view part) { return part.find_first_not_of("0123456789") == part.npos; }},
    {"MLPs", [](std::string_view part) { return part == kMlpPart; }},
    {"biases", [](std::string_view part) { return part == kBiasPart; }},
};

// One sum a prompt, over the cells whose part `holds` says yes to. Cells that are no component are
// NaN.
std::vector<double> sums_of(const Result& result, bool (*holds)(std::string_view part)) {
  const std::size_t prompts = result.header.prompt_ids.size();
  const std::vector<std::string>& parts = result.header.axes.at(1).labels;
  std::vector<double> sums(prompts, 0.0);
  for (std::size_t i = 0; i < result.per_prompt.size(); ++i) {
    const double share = result.per_prompt[i];
    if (holds(parts[i / prompts % parts.size()]) && !std::isnan(share)) {
      sums[i % prompts] += share;
    }
  }
  return sums;
}

bool has_part(const Result& result, const TotalsKind& kind) {
  for (const std::string& part : result.header.axes.at(1).labels) {
    if (kind.holds(part)) {
      return true;
    }
  }
  return false;
}

}  // namespace

AttributionTotals totals_of(const Result& result) {
  if (!result.complete() || result.header.axes.size() != 2) {
    throw DataError("{} of {} values are there; {}",
                    result.done,
                    result.per_prompt.size(),
                    result_kind(result.header.kind).way_on);
  }
  const Json& provenance = result.header.provenance;
  const SummaryOptions options{.seed = provenance.value("seed", std::uint64_t{0})};
  AttributionTotals totals;
  for (const TotalsKind& kind : kKinds) {
    if (has_part(result, kind)) {
      totals.kinds.push_back(
          {std::string(kind.name), summarize(sums_of(result, kind.holds), options)});
    }
  }
  totals.sum = summarize(sums_of(result, [](std::string_view) { return true; }), options);
  const bool corrupted = provenance.at("identity").value("run", "") == to_string(Run::corrupted);
  totals.target = summarize(result.baseline(corrupted ? Run::corrupted : Run::clean), options);
  return totals;
}

}  // namespace headscope
