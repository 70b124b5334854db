// Whether a model does a task at all: what to know before looking for how.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analyses/metric/summary.h"

namespace headscope {

// The values of every item, in one order.
struct TaskValues {
  std::vector<double> accuracy;    // of the clean prompts
  std::vector<double> logit_diff;  // likewise; empty where items have no wrong answers
  // What the corruption should lower: logit_diff, or prob where there is none.
  std::vector<double> clean, corrupted;
};

enum class Verdict { does, in_part, cannot, too_few };

// Four coin flips all fall right once in sixteen: too often for 95 %.
constexpr std::size_t kFewestItems = 5;

struct Judgement {
  Verdict verdict = Verdict::cannot;
  Summary accuracy;
  std::optional<Summary> logit_diff;
  Summary drop;        // clean − corrupted, item by item
  std::string reason;  // "the answer is its likeliest token in 92 % [86 %, 97 %] of the items …"
};

// By 95 % intervals:
//   does     accuracy lies above 0.5, which no choice among two or more gives by chance, and the
//            drop above 0: the answer comes of what the corruption changes, it is no habit;
//   cannot   else, if the drop does not lie above 0, or logit_diff does not (where items have no
//            wrong answers: if accuracy reaches down to 0);
//   in part  else: the answer is preferred to the wrong ones, but too seldom the likeliest token.
Judgement judge(const TaskValues& values, const SummaryOptions& options = {});

std::string verdict_rule();  // the same in one line, for people

}  // namespace headscope
