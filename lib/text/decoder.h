// Decoders of tokenizer.json: from the spellings of tokens back to text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"

namespace headscope {

class Decoder {
 public:
  // Without a decoder Hugging Face joins the tokens with spaces.
  Decoder();

  // The `decoder` entry of tokenizer.json: ByteLevel, ByteFallback, Replace, Fuse, Strip,
  // Metaspace, WordPiece, CTC, BPEDecoder, Sequence. Another type is a DataError that names it.
  static Decoder from_json(const Json& spec, const std::string& where);

  // The spellings of consecutive tokens → text (valid UTF-8).
  [[nodiscard]] std::string decode(std::vector<std::string> tokens) const;

  // One token on its own: its raw bytes, nothing stripped.
  [[nodiscard]] std::string piece(const std::string& token) const;

 private:
  using Tokens = std::vector<std::string>;
  struct Step {
    std::function<Tokens(Tokens)> all;
    std::function<std::string(std::string)> one;
  };
  void add(const Json& spec, const std::string& where);
  void add_bpe(const Json& spec, const std::string& where);
  void add_ctc(const Json& spec, const std::string& where);
  void add_metaspace(const Json& spec, const std::string& where);
  void add_strip(const Json& spec, const std::string& where);
  void add_word_piece(const Json& spec, const std::string& where);

  std::vector<Step> steps_;
  std::string separator_ = " ";
};

}  // namespace headscope
