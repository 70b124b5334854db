#include "lib/text/tokenizer_config.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/text/json_fields.h"
#include "lib/text/llama_spacing.h"

namespace headscope {
namespace {

// The id of a token that is added now: tokenizers counts on from the highest added one.
TokenId next_id(const Tokenizer::Impl& impl) {
  TokenId next = static_cast<TokenId>(impl.vocabulary->size());
  for (const AddedToken& token : impl.added) {
    next = std::max(next, token.id + 1);
  }
  return next;
}

void check_written_id(const NamedToken& named, TokenId id, const Tokenizer::Impl& impl) {
  if (named.token.id >= 0 && named.token.id != id) {
    throw DataError("{} gives '{}' the id {}, but {} {}; make the files agree",
                    named.where,
                    named.token.content,
                    named.token.id,
                    impl.find(named.token.content) ? "tokenizer.json says"
                                                   : "the next one free in tokenizer.json is",
                    id);
  }
}

void add_named_token(const NamedToken& named, Tokenizer::Impl& impl, Hasher& hasher) {
  AddedToken token = named.token;
  if (token.content.empty()) {
    return;
  }
  token.id = impl.find(token.content).value_or(next_id(impl));
  check_written_id(named, token.id, impl);
  const auto held =
      std::find_if(impl.added.begin(), impl.added.end(), [&](const AddedToken& other) {
        return other.content == token.content;
      });
  if (held == impl.added.end()) {
    impl.added.push_back(token);
  } else if (named.overrides && !(*held == token)) {
    *held = token;
  } else {
    return;
  }
  hasher.update(fmt::format("token {} {} {}{}{}{}{}",
                            token.id,
                            token.content,
                            token.single_word,
                            token.lstrip,
                            token.rstrip,
                            token.normalized,
                            token.special));
}

// The id that a config gives: the first, where it gives several.
std::optional<TokenId> config_id(const TokenizerFiles& files,
                                 const std::string& name,
                                 const Tokenizer::Impl& impl) {
  const auto found = files.config.find(name);
  if (found == files.config.end() || found->is_null()) {
    return std::nullopt;
  }
  const Json& value = found->is_array() && !found->empty() ? found->front() : *found;
  const TokenId id = token_id(value, (files.directory / "config.json").string() + ": " + name);
  return impl.spelling(id) ? std::optional(id) : std::nullopt;
}

// `usual`: how LlamaTokenizer spells it where no file does.
std::optional<TokenId> special_token(const TokenizerFiles& files,
                                     const char* name,
                                     const char* usual,
                                     const Tokenizer::Impl& impl) {
  const auto special = files.special(name);
  if (special.given) {
    return special.token ? impl.find(special.token->token.content) : std::nullopt;
  }
  if (files.tokenizer_class() == kLlamaTokenizer) {
    if (const auto id = impl.find(usual)) {
      return id;
    }
  }
  return config_id(files, std::string(name) + "_id", impl);
}

}  // namespace

void add_named_tokens(const TokenizerFiles& files, Tokenizer::Impl& impl, Hasher& hasher) {
  for (const NamedToken& named : files.tokens()) {
    add_named_token(named, impl, hasher);
  }
}

void apply_tokenizer_config(const TokenizerFiles& files, Tokenizer::Impl& impl, Hasher& hasher) {
  impl.bos = special_token(files, "bos_token", "<s>", impl);
  impl.eos = special_token(files, "eos_token", "</s>", impl);
  if (!impl.bos && !impl.post_processor.before.empty()) {
    impl.bos = impl.post_processor.before.front();
  }
  hasher.update(fmt::format("bos {} eos {}", impl.bos.value_or(-1), impl.eos.value_or(-1)));
  impl.add_end(impl.eos);
  for (const TokenId id : files.eos_ids()) {
    impl.add_end(id);
  }
}

}  // namespace headscope
