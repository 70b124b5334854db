// One line a task; each is defined in the file of its name in tasks/.
#pragma once

#include "analyses/training/train_task.h"

namespace headscope {

TrainTask induction_task();
TrainTask modular_addition_task();
TrainTask bigram_backcopy_task();
TrainTask mqar_task();

}  // namespace headscope
