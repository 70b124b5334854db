// The files beside tokenizer.json that say more of a tokenizer, and which of them is believed where
// two name one thing: as transformers 5 reads them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/text/added_tokens.h"

namespace headscope {

// A token that a file names. `token.id` is the id written beside it, or −1.
struct NamedToken {
  AddedToken token;
  std::string where;  // the file and the field, for errors
  bool overrides =
      false;  // what it says of white space and normalisation replaces tokenizer.json's
};

struct TokenizerFiles {
  std::filesystem::path directory;
  // Empty objects where a file is missing.
  Json tokenizer_config;
  Json special_tokens_map;
  Json added_tokens;
  Json config;
  Json generation_config;

  // Throws DataError for a file that is no JSON object.
  static TokenizerFiles read(const std::filesystem::path& directory);

  // "LlamaTokenizer" of "LlamaTokenizerFast" too: tokenizer_config.json's, else config.json's.
  [[nodiscard]] std::string tokenizer_class() const;

  // "bos_token", "eos_token", …: special_tokens_map.json's before tokenizer_config.json's, unless
  // the latter has an added_tokens_decoder, which makes transformers ignore the other file.
  // `given` is false if neither has the field; no token for null and "".
  struct Special {
    bool given = false;
    std::optional<NamedToken> token{};
  };
  [[nodiscard]] Special special(const char* name) const;

  // Every token the files name, in the order in which transformers adds them: those with an id
  // (added_tokens_decoder, else added_tokens.json), then bos, eos, unk, sep, pad, cls and mask,
  // then those that the file calls by names of its own ("image_token",
  // "model_specific_special_tokens"), then the additional ones.
  [[nodiscard]] std::vector<NamedToken> tokens() const;

  // "split_special_tokens": a text that spells a special token is cut like any other.
  [[nodiscard]] bool splits_special_tokens() const;

  // Every eos_token_id of generation_config.json and config.json (its text_config's too), where a
  // list counts whole.
  [[nodiscard]] std::vector<TokenId> eos_ids() const;

 private:
  [[nodiscard]] bool has_decoder() const {
    return tokenizer_config.contains("added_tokens_decoder");
  }
  [[nodiscard]] std::vector<NamedToken> with_ids() const;
  [[nodiscard]] std::vector<NamedToken> of_own_names() const;
  [[nodiscard]] std::vector<NamedToken> additional() const;
  [[nodiscard]] std::string path(const char* file) const { return (directory / file).string(); }
};

}  // namespace headscope
