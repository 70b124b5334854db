#include "lib/text/gguf_default_pre.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/warning.h"
#include "lib/text/byte_alphabet.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

// Could the token be a part of what GPT-2 merges? Beginnings of "'re", "'ve" and "'ll" are, though
// on their own they are cut; so are the bytes of a part of a character.
bool could_be_gpt2(std::string_view bytes, const PreTokenizer& gpt2) {
  if (valid_utf8_prefix(bytes) != bytes.size()) {
    return true;
  }
  if (bytes == "'r" || bytes == "'v" || bytes == "'l") {
    return true;
  }
  Pieces pieces;
  pieces.text = bytes;
  pieces.spans = {{0, bytes.size()}};
  gpt2.apply(pieces);
  return pieces.spans.size() <= 1;
}

}  // namespace

void check_default_pre(const std::optional<std::string>& name,
                       const Vocabulary& vocabulary,
                       const std::vector<RankedMerge>& merges,
                       const PreTokenizer& gpt2,
                       const std::string& where) {
  const std::string says = name ? "tokenizer.ggml.pre is '" + *name + "'" : "no tokenizer.ggml.pre";
  for (const RankedMerge& merge : merges) {
    const std::string spelling(vocabulary.text(merge.merge.id).value_or(""));
    const std::string bytes = unspell_bytes(spelling).value_or(spelling);
    if (!could_be_gpt2(bytes, gpt2)) {
      throw DataError(
          "{}: {}, which stands for GPT-2's way to cut a text, but the token {} of this vocabulary "
          "could not come of it; use a file converted anew, or the model's Hugging Face directory",
          where,
          says,
          Json(bytes).dump());
    }
  }
  warn(fmt::format(
      "{}: {}: texts are cut as GPT-2 does, which may not be this vocabulary's way; compare "
      "`headscope tokenize` with the original, or use a file converted anew",
      where,
      says));
}

}  // namespace headscope
