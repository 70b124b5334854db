// How well a ranking finds what it should.
#pragma once

#include <vector>

namespace headscope {

// The area under the ROC curve of `scores` (higher: found earlier) for `truth`, one entry each: the
// chance that something true scores above something that is not, ties counting half (Hanley &
// McNeil 1982, Radiology 143:29). It is the trapezoid rule over every threshold. NaN where all or
// none are true. Throws UsageError for a score that is NaN, naming its place, or another length.
double roc_auc(const std::vector<double>& scores, const std::vector<bool>& truth);

}  // namespace headscope
