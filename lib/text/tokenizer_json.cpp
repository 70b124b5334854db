#include "lib/text/tokenizer_json.h"

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/text/json_fields.h"
#include "lib/text/model_json.h"
#include "lib/text/older_files.h"
#include "lib/text/tokenizer_class.h"
#include "lib/text/tokenizer_config.h"
#include "lib/text/tokenizer_impl.h"

namespace headscope {
namespace {

AddedToken added_token(const Json& spec, const std::string& where) {
  return {.id = token_id(field(spec, "id", where), where),
          .content = string_field(spec, "content", where),
          .single_word = bool_field_or(spec, "single_word", false, where),
          .lstrip = bool_field_or(spec, "lstrip", false, where),
          .rstrip = bool_field_or(spec, "rstrip", false, where),
          .normalized = bool_field_or(spec, "normalized", true, where),
          .special = bool_field_or(spec, "special", false, where)};
}

// Hugging Face ignores the id written for a token the model already has; we refuse to guess.
void check_id(const AddedToken& token, const Vocabulary& vocabulary, const std::string& where) {
  const TokenId id = vocabulary.find(token.content);
  if (id >= 0 && id != token.id) {
    throw DataError("{}: the added token '{}' has id {}, but the vocabulary says {}",
                    where,
                    token.content,
                    token.id,
                    id);
  }
}

std::vector<AddedToken> added_tokens(const Json& file,
                                     const Vocabulary& vocabulary,
                                     const std::string& where) {
  std::vector<AddedToken> tokens;
  if (optional_field(file, "added_tokens", where).is_null()) {
    return tokens;
  }
  for (const Json& spec : array_field(file, "added_tokens", where)) {
    AddedToken token = added_token(spec, where + ": added_tokens");
    if (!token.content.empty()) {
      check_id(token, vocabulary, where);
      tokens.push_back(std::move(token));
    }
  }
  return tokens;
}

void check_template_ids(const Tokenizer::Impl& impl, const std::string& where) {
  for (const auto* side : {&impl.post_processor.before, &impl.post_processor.after}) {
    for (const TokenId id : *side) {
      if (!impl.spelling(id)) {
        throw DataError("{}: post_processor: no token has the id {}", where, id);
      }
    }
  }
}

}  // namespace

std::shared_ptr<Tokenizer::Impl> tokenizer_from_spec(const Json& file,
                                                     const TokenizerFiles& files,
                                                     Hasher& hasher,
                                                     const std::string& where) {
  auto impl = std::make_shared<Tokenizer::Impl>();
  impl->normalizer = Normalizer::from_json(optional_field(file, "normalizer", where), where);
  impl->pre_tokenizer =
      PreTokenizer::from_json(optional_field(file, "pre_tokenizer", where), where);
  WordModelParts parts = read_word_model(
      field(file, "model", where), impl->pre_tokenizer.alphabet(), where + ": model");
  impl->vocabulary = std::move(parts.vocabulary);
  impl->model = std::move(parts.model);
  impl->kind = std::move(parts.kind);
  impl->added = added_tokens(file, *impl->vocabulary, where);
  add_named_tokens(files, *impl, hasher);
  impl->index_added(files.splits_special_tokens() ? SpecialTokens::split : SpecialTokens::whole);
  if (files.splits_special_tokens()) {
    hasher.update("special tokens are split");
  }
  impl->post_processor =
      PostProcessor::from_json(optional_field(file, "post_processor", where), where);
  check_template_ids(*impl, where);
  impl->decoder = Decoder::from_json(optional_field(file, "decoder", where), where);
  apply_tokenizer_config(files, *impl, hasher);
  impl->hash = hasher.digest();
  return impl;
}

std::shared_ptr<Tokenizer::Impl> read_tokenizer_json(const std::filesystem::path& path,
                                                     OlderFiles older) {
  const std::string where = path.string();
  const MappedFile mapped(path);
  const auto bytes = mapped.bytes();
  Json file = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, where);
  const TokenizerFiles files = TokenizerFiles::read(path.parent_path());
  Hasher hasher;
  hasher.update(bytes);
  if (apply_tokenizer_class(files, file, where)) {
    hasher.update(files.tokenizer_class()).update(file["pre_tokenizer"].dump());
    if (const Json& normalizer = optional_field(file, "normalizer", where); !normalizer.is_null()) {
      hasher.update(normalizer.dump());
    }
  }
  auto impl = tokenizer_from_spec(file, files, hasher, where);
  if (older == OlderFiles::compared) {
    check_older_files(path.parent_path(), optional_field(file, "model", where), *impl->vocabulary);
  }
  return impl;
}

}  // namespace headscope
