// One line a model; each is defined in the file of its name.
#pragma once

#include "analyses/known_models/known_model.h"

namespace headscope {

KnownModel copy_model();
KnownModel induction2_model();
KnownModel duplicate_model();
KnownModel ioi_toy_model();
KnownModel successor_model();
KnownModel grouped_model();
KnownModel mlp_sum_model();
KnownModel backup_model();
KnownModel window_model();

KnownModel histogram_model();
KnownModel reverse_model();
KnownModel sort_model();
KnownModel fraction_previous_model();
KnownModel brackets_model();

}  // namespace headscope
