#include "lib/text/vocabulary_json.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"

namespace headscope {

std::shared_ptr<const Vocabulary> vocabulary_from_json(const Json& model,
                                                       const std::string& where) {
  const Json& entries = field(model, "vocab", where);
  if (!entries.is_object()) {
    throw DataError("{}: the field 'vocab' must map texts to ids", where);
  }
  auto vocabulary = std::make_shared<Vocabulary>(entries.size());
  for (const auto& [text, id] : entries.items()) {
    vocabulary->insert(text, token_id(id, where));
  }
  return vocabulary;
}

}  // namespace headscope
