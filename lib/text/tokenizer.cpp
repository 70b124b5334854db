#include "lib/text/tokenizer.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/tokenizer_directory.h"
#include "lib/text/tokenizer_gguf.h"
#include "lib/text/tokenizer_impl.h"
#include "lib/text/unicode.h"
#include "lib/text/unknown_word.h"

namespace headscope {
namespace {

constexpr std::size_t kLongestText = std::size_t{1} << 30;

// The template's BOS is there already, is to be left out, or must be put before it.
void put_before(const Tokenizer::Impl& impl, PrependBos choice, std::vector<TokenId>& ids) {
  const auto& before = impl.post_processor.before;
  const bool has_bos = impl.bos && !before.empty() && before.front() == *impl.bos;
  if (choice == PrependBos::yes && !impl.bos) {
    throw UsageError("this tokenizer has no BOS token: use --prepend-bos auto or no");
  }
  if (choice == PrependBos::yes && !has_bos) {
    ids.push_back(*impl.bos);
  }
  ids.insert(
      ids.end(), before.begin() + (choice == PrependBos::no && has_bos ? 1 : 0), before.end());
}

void encode_text(const Tokenizer::Impl& impl, std::string_view text, std::vector<TokenId>& ids) {
  if (text.size() > kLongestText) {
    throw UsageError("a text of {} bytes is too long to tokenise at once (at most 1 GiB)",
                     text.size());
  }
  ids.reserve(ids.size() + text.size() / 3 + 8);
  if (valid_utf8_prefix(text) == text.size()) {
    impl.encode(text, ids);
  } else {
    impl.encode(replace_invalid_utf8(text), ids);
  }
}

// Nothing for an id in a hole or beyond the vocabulary: models have rows for such ids too.
std::optional<std::string> spelling_of(const Tokenizer::Impl& impl, TokenId id) {
  if (id < 0) {
    throw UsageError("no token has the id {}", id);
  }
  return impl.spelling(id);
}

}  // namespace

PrependBos parse_prepend_bos(std::string_view text) {
  for (const auto choice : {PrependBos::automatic, PrependBos::yes, PrependBos::no}) {
    if (text == to_string(choice)) {
      return choice;
    }
  }
  throw UsageError("--prepend-bos is auto, yes or no, not '{}'", text);
}

std::string_view to_string(PrependBos choice) {
  switch (choice) {
    case PrependBos::automatic:
      return "auto";
    case PrependBos::yes:
      return "yes";
    case PrependBos::no:
      return "no";
  }
  throw InternalError("no such PrependBos");
}

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Tokenizer Tokenizer::from_directory(const std::filesystem::path& directory) {
  return Tokenizer(read_tokenizer_directory(directory));
}

Tokenizer Tokenizer::from_gguf(const Json& metadata, const std::string& where) {
  return Tokenizer(read_tokenizer_gguf(metadata, where));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, PrependBos bos) const {
  std::vector<TokenId> ids;
  put_before(*impl_, bos, ids);
  encode_text(*impl_, text, ids);
  const auto& after = impl_->post_processor.after;
  ids.insert(ids.end(), after.begin(), after.end());
  return ids;
}

std::string Tokenizer::decode(const std::vector<TokenId>& ids) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const TokenId id : ids) {
    if (auto spelling = spelling_of(*impl_, id)) {
      tokens.push_back(std::move(*spelling));
    }
  }
  return impl_->decoder.decode(std::move(tokens));
}

std::string Tokenizer::piece(TokenId id) const {
  const auto spelling = spelling_of(*impl_, id);
  return spelling ? impl_->decoder.piece(*spelling) : "";
}

std::optional<TokenId> Tokenizer::single(std::string_view text) const {
  std::vector<TokenId> ids;
  try {
    encode_text(*impl_, text, ids);
  } catch (const UnknownWord&) {
    return std::nullopt;
  }
  return ids.size() == 1 ? std::optional(ids.front()) : std::nullopt;
}

std::int64_t Tokenizer::vocab_size() const {
  TokenId end = impl_->vocabulary->end_id();
  for (const AddedToken& token : impl_->added) {
    end = std::max(end, token.id + 1);
  }
  return end;
}

std::optional<TokenId> Tokenizer::bos() const {
  return impl_->bos;
}

std::optional<TokenId> Tokenizer::eos() const {
  return impl_->eos;
}

bool Tokenizer::prepends_bos() const {
  const auto& before = impl_->post_processor.before;
  return impl_->bos && !before.empty() && before.front() == *impl_->bos;
}

bool Tokenizer::is_end(TokenId id) const {
  return std::find(impl_->ends.begin(), impl_->ends.end(), id) != impl_->ends.end();
}

const std::vector<TokenId>& Tokenizer::ends() const {
  return impl_->ends;
}

bool Tokenizer::is_added(TokenId id) const {
  return impl_->added_text.contains(id);
}

const std::vector<TokenId>& Tokenizer::appended() const {
  return impl_->post_processor.after;
}

std::string Tokenizer::kind() const {
  return impl_->kind;
}

std::string Tokenizer::hash() const {
  return impl_->hash;
}

}  // namespace headscope
