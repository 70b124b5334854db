// A metric of clean prompts alone, where the corrupted ones are not needed.
#pragma once

#include <vector>

#include "analyses/metric/metric.h"
#include "analyses/task/task.h"
#include "lib/model/model.h"

namespace headscope {

// Of every item, in order. The metric must not need the clean run's logits beside it.
std::vector<double> clean_values(const Model& model,
                                 const std::vector<TaskItem>& items,
                                 const Metric& metric);

}  // namespace headscope
