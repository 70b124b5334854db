// How the verbs that measure operators are asked for a control, and what they hand to a
// measurement.
#pragma once

#include <string>

#include "analyses/operators/operator_measure.h"
#include "cli/operators/operator_texts.h"
#include "cli/verb.h"

namespace CLI {
class App;
}

namespace headscope {

// --control: "random" or "none".
void add_operator_control(CLI::App& app, std::string& control);

// A measurement of `choice` on `prompts`, which were read from `texts`; where its result goes, and
// how far it is, is the caller's to add. All live as long as it.
OperatorMeasureRun measure_run(const Model& model,
                               const std::vector<Prompt>& prompts,
                               const OperatorChoice& choice,
                               const OperatorTexts& texts,
                               const std::string& control,
                               const Invocation& invocation);

}  // namespace headscope
