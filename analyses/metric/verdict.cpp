#include "analyses/metric/verdict.h"

#include <fmt/format.h>

namespace headscope {
namespace {

std::vector<double> verdict_differences(const std::vector<double>& a,
                                        const std::vector<double>& b) {
  std::vector<double> out;
  for (std::size_t i = 0; i < a.size(); ++i) {
    out.push_back(a[i] - b[i]);
  }
  return out;
}

std::string percent(const Summary& share) {
  if (!share.has_interval()) {
    return fmt::format("{:.0f} %", 100 * share.mean);
  }
  return fmt::format(
      "{:.0f} % [{:.0f} %, {:.0f} %]", 100 * share.mean, 100 * share.low, 100 * share.high);
}

// Whether the answers are preferred to what they are measured against.
bool prefers(const Judgement& found) {
  return found.logit_diff ? found.logit_diff->low > 0 : found.accuracy.low > 0;
}

Verdict verdict_of(const Judgement& found, std::size_t items) {
  if (items < kFewestItems) {
    return Verdict::too_few;
  }
  if (found.accuracy.low > 0.5 && found.drop.low > 0) {
    return Verdict::does;
  }
  return found.drop.low > 0 && prefers(found) ? Verdict::in_part : Verdict::cannot;
}

std::string reason_of(const Judgement& found) {
  if (found.verdict == Verdict::too_few) {
    return fmt::format("fewer than {} items may all be right by chance", kFewestItems);
  }
  const std::string said =
      "the answer is its likeliest token in " + percent(found.accuracy) + " of the items";
  if (found.verdict == Verdict::does) {
    return said + ", and it is less likely where the prompt is corrupted";
  }
  if (found.verdict == Verdict::in_part) {
    return found.logit_diff ? "it prefers the answers to the wrong tokens, but " + said : said;
  }
  if (!(found.drop.low > 0)) {
    return "the answer gains nothing over the corrupted prompts, so it does not come of what they "
           "change";
  }
  return found.logit_diff
             ? fmt::format(
                   "it does not prefer the answers to the wrong tokens (logit_diff {:.2f} "
                   "[{:.2f}, {:.2f}])",
                   found.logit_diff->mean,
                   found.logit_diff->low,
                   found.logit_diff->high)
             : said;
}

}  // namespace

Judgement judge(const TaskValues& values, const SummaryOptions& options) {
  Judgement found;
  found.accuracy = summarize(values.accuracy, options);
  if (!values.logit_diff.empty()) {
    found.logit_diff = summarize(values.logit_diff, options);
  }
  found.drop = summarize(verdict_differences(values.clean, values.corrupted), options);
  found.verdict = verdict_of(found, values.accuracy.size());
  found.reason = reason_of(found);
  return found;
}

std::string verdict_rule() {
  return "does: accuracy's interval above 0.5, and logit_diff (prob without wrong answers) falls "
         "where the prompt is corrupted; cannot: else, if it does not fall or logit_diff's "
         "interval "
         "is not above 0; in part: else";
}

}  // namespace headscope
