#include "analyses/head_detectors/token_sample.h"

#include <algorithm>

#include "lib/base/random.h"

namespace headscope {
namespace {

bool is_text(const Tokenizer& tokenizer, TokenId id) {
  const std::string piece = tokenizer.piece(id);
  const bool marked = piece.size() > 2 && piece.front() == '<' && piece.back() == '>';
  return !piece.empty() && !marked && tokenizer.bos() != id && tokenizer.eos() != id;
}

}  // namespace

std::vector<std::int32_t> sample_tokens(const Model& model,
                                        std::int64_t count,
                                        std::uint64_t seed) {
  std::int64_t vocabulary = model.config().d_vocab;
  if (model.has_tokenizer()) {
    vocabulary = std::min(vocabulary, model.tokenizer().vocab_size());
  }
  std::vector<std::int32_t> order(static_cast<std::size_t>(vocabulary));
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<std::int32_t>(i);
  }
  Random random(seed, "tokens of head detectors");
  random.shuffle(order);
  std::vector<std::int32_t> chosen;
  for (const std::int32_t id : order) {
    if (static_cast<std::int64_t>(chosen.size()) == count) {
      break;
    }
    if (!model.has_tokenizer() || is_text(model.tokenizer(), id)) {
      chosen.push_back(id);
    }
  }
  return chosen;
}

}  // namespace headscope
