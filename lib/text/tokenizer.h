// Text to token ids and back, exactly as Hugging Face tokenizers do it. Free of Torch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/json_fwd.h"

namespace headscope {

using TokenId = std::int32_t;

// Whether a beginning-of-sequence token is put first: as the tokenizer's own configuration does
// (its post-processor, or GGUF's add_bos_token), always, or never.
enum class PrependBos { automatic, yes, no };
PrependBos parse_prepend_bos(std::string_view text);  // "auto", "yes", "no"; else UsageError
std::string_view to_string(PrependBos choice);

// Immutable and cheap to copy; every method is const and thread-safe.
class Tokenizer {
 public:
  // The tokenizer of a Hugging Face directory: tokenizer.json and what lies beside it, else an
  // older file (tokenizer_directory.h). Throws DataError: missing or malformed files, files that
  // disagree, or a component (normaliser, pre-tokeniser, …) headscope does not implement, named.
  static Tokenizer from_directory(const std::filesystem::path& directory);

  // The vocabulary in a GGUF file's metadata (`tokenizer.ggml.*`). `where` names the file in
  // errors.
  static Tokenizer from_gguf(const Json& metadata, const std::string& where);

  // `text` → ids. Special tokens written in the text are recognised, as Hugging Face does.
  // PrependBos::yes without a BOS token is a UsageError; so is text over 1 GiB.
  [[nodiscard]] std::vector<TokenId> encode(std::string_view text,
                                            PrependBos bos = PrependBos::automatic) const;

  // Ids → text, special tokens included, invalid UTF-8 replaced by U+FFFD. Ids without a spelling
  // (holes in the vocabulary, embeddings padded beyond it) leave no trace, as in Hugging Face; one
  // below 0 is a UsageError.
  [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const;

  // The text of one token on its own, as shown beside a heat map (" Mary", "\n"): raw bytes. Empty
  // for an id without a spelling; one below 0 is a UsageError.
  [[nodiscard]] std::string piece(TokenId id) const;

  // The one token that `text` is (without BOS), or nothing if it is none or several.
  [[nodiscard]] std::optional<TokenId> single(std::string_view text) const;

  [[nodiscard]] std::int64_t vocab_size() const;
  [[nodiscard]] std::optional<TokenId> bos() const;
  [[nodiscard]] std::optional<TokenId> eos() const;
  [[nodiscard]] bool prepends_bos() const;  // what PrependBos::automatic does

  // Does this token end a response? All that the model's files name do: the EOS token, every
  // eos_token_id of generation_config.json and config.json, and a GGUF file's end of turn.
  [[nodiscard]] bool is_end(TokenId id) const;
  [[nodiscard]] const std::vector<TokenId>& ends() const;  // all of them, the EOS token first

  // Is this token found in a text before anything else looks at it ("<|im_end|>", "<s>")?
  [[nodiscard]] bool is_added(TokenId id) const;

  // The tokens that the template puts after every text (an EOS, mostly), whatever PrependBos says.
  [[nodiscard]] const std::vector<TokenId>& appended() const;

  [[nodiscard]] std::string kind() const;  // "byte-level BPE (smollm)", for `headscope info`
  [[nodiscard]] std::string hash() const;  // "xxh3:…" of what defines it

  struct Impl;

 private:
  explicit Tokenizer(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

}  // namespace headscope
