// The `vocab` of a model in tokenizer.json.
#pragma once

#include <memory>
#include <string>

#include "lib/base/json_fwd.h"
#include "lib/text/vocabulary.h"

namespace headscope {

// {"text": id, …} under "vocab". Throws DataError, opened by `where`.
std::shared_ptr<const Vocabulary> vocabulary_from_json(const Json& model, const std::string& where);

}  // namespace headscope
