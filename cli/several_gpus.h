// Which verbs run a model whose layers lie on several GPUs.
#pragma once

#include <string>

#include "lib/base/device.h"

namespace headscope {

// Throws UsageError if `device` is several GPUs and the verb, by its name, works on one.
void check_several_gpus(const std::string& verb, const Device& device);

}  // namespace headscope
