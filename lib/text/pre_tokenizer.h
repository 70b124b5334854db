// Pre-tokenisers of tokenizer.json: how text is cut into the words that BPE works on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/text/bpe.h"
#include "lib/text/pieces.h"

namespace headscope {

class PreTokenizer {
 public:
  PreTokenizer() = default;  // the whole text is one word

  // The `pre_tokenizer` entry of tokenizer.json (null: none): ByteLevel, Split, Digits,
  // Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit, FixedLength,
  // Metaspace, Sequence. Another type, or ByteLevel before another step, is a DataError that names
  // it.
  static PreTokenizer from_json(const Json& spec, const std::string& where);

  // One step that is no entry of tokenizer.json.
  static PreTokenizer from_step(std::function<void(Pieces&)> step);

  // Alphabet::bytes if ByteLevel is among the steps.
  [[nodiscard]] Alphabet alphabet() const { return alphabet_; }

  // Cuts `pieces.text`, which its spans cover on entry.
  void apply(Pieces& pieces) const;

 private:
  using Step = std::function<void(Pieces&)>;
  void add(const Json& spec, const std::string& where);
  void add_byte_level(const Json& spec, const std::string& where);
  void add_fixed_length(const Json& spec, const std::string& where);
  void add_metaspace(const Json& spec, const std::string& where);

  std::vector<Step> steps_;
  Alphabet alphabet_ = Alphabet::characters;
};

}  // namespace headscope
