// The list of generators; each is the file of its name in analyses/task/makers/.
#pragma once

#include "analyses/task/makers.h"

namespace headscope {

TaskMaker ioi_maker();

}  // namespace headscope
