#include "lib/text/tokenizer_config.h"

#include <algorithm>
#include <unordered_map>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"
#include "lib/text/tokenizer_class.h"

namespace headscope {
namespace {

void hash_token(const AddedToken& token, Hasher& hasher) {
  hasher.update(fmt::format("token {} {} {}{}{}{}{}",
                            token.id,
                            token.content,
                            token.single_word,
                            token.lstrip,
                            token.rstrip,
                            token.normalized,
                            token.special));
}

// Appends tokens to those of tokenizer.json, of which there may be thousands.
class TokenAdder {
 public:
  TokenAdder(Tokenizer::Impl& impl, Hasher& hasher)
      : impl_(impl), hasher_(hasher), next_(static_cast<TokenId>(impl.vocabulary->size())) {
    for (std::size_t i = 0; i < impl.added.size(); ++i) {
      place_.emplace(impl.added[i].content, i);
      next_ = std::max(next_, impl.added[i].id + 1);
    }
  }

  void add(const NamedToken& named) {
    AddedToken token = named.token;
    if (token.content.empty()) {
      return;
    }
    token.id = id_of(named);
    const auto held = place_.find(token.content);
    if (held == place_.end()) {
      place_.emplace(token.content, impl_.added.size());
      impl_.added.push_back(token);
    } else if (named.overrides && !(impl_.added[held->second] == token)) {
      impl_.added[held->second] = token;
    } else {
      return;
    }
    hash_token(token, hasher_);
    next_ = std::max(next_, token.id + 1);
  }

 private:
  // The token's own id, or the next one: tokenizers counts on from the highest added token.
  [[nodiscard]] TokenId id_of(const NamedToken& named) const {
    const std::string& text = named.token.content;
    const auto held = place_.find(text);
    const TokenId own =
        held != place_.end() ? impl_.added[held->second].id : impl_.vocabulary->find(text);
    const TokenId id = own >= 0 ? own : next_;
    if (named.token.id >= 0 && named.token.id != id) {
      throw DataError("{} gives '{}' the id {}, but {} {}; make the files agree",
                      named.where,
                      text,
                      named.token.id,
                      own >= 0 ? "the vocabulary says" : "the next one free in the vocabulary is",
                      id);
    }
    return id;
  }

  Tokenizer::Impl& impl_;
  Hasher& hasher_;
  std::unordered_map<std::string, std::size_t> place_;  // of a text in impl_.added
  TokenId next_;
};

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
  TokenAdder adder(impl, hasher);
  for (const NamedToken& named : files.tokens()) {
    adder.add(named);
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
