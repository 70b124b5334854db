// The list of generators; each is the file of its name in analyses/task/makers/.
#pragma once

#include "analyses/task/maker.h"

namespace headscope {

TaskMaker ioi_maker();
TaskMaker greater_than_maker();
TaskMaker docstring_maker();
TaskMaker colored_objects_maker();
TaskMaker gendered_pronouns_maker();
TaskMaker capitals_maker();
TaskMaker successor_maker();
TaskMaker arithmetic_maker();
TaskMaker multiple_choice_maker();
TaskMaker acronyms_maker();
TaskMaker induction_maker();
TaskMaker key_retrieval_maker();

}  // namespace headscope
