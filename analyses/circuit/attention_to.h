// Where the heads of a circuit look.
#pragma once

#include <string>
#include <vector>

#include "analyses/circuit/head_circuit.h"
#include "analyses/task/task.h"
#include "lib/model/model.h"

namespace headscope {

// The mean attention of each head of the class, from where it acts, to each span: [head][span].
// A span of several tokens counts with their sum; from a place of several tokens, their mean. A
// class that acts at "all" tokens is a UsageError.
std::vector<std::vector<double>> attention_to(const Model& model,
                                              const Task& task,
                                              const HeadClass& heads,
                                              const std::vector<std::string>& spans);

}  // namespace headscope
