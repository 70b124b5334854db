// A model's chat template by the name a user gives the model.
#pragma once

#include <string>

#include "lib/chat/chat_template.h"

namespace headscope {

// `name` as for load_model(). Throws DataError if the model's files have no chat template.
ChatTemplate load_chat_template(const std::string& name);

}  // namespace headscope
