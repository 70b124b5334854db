#include "lib/model/mask_token.h"

#include <algorithm>

namespace headscope {

std::optional<std::int32_t> mask_token(const Model& model) {
  if (!model.has_tokenizer()) {
    return std::nullopt;
  }
  for (const char* text : {"[MASK]", "<mask>"}) {
    const auto token = model.tokenizer().single(text);
    if (token && model.tokenizer().is_added(*token)) {
      return token;
    }
  }
  return std::nullopt;
}

std::int64_t position_of_mask(const Model& model, const std::vector<std::int32_t>& tokens) {
  const auto mask = mask_token(model);
  if (!mask || std::count(tokens.begin(), tokens.end(), *mask) != 1) {
    return -1;
  }
  return std::find(tokens.begin(), tokens.end(), *mask) - tokens.begin();
}

}  // namespace headscope
