// The text of tokens as they are written, for readers who watch: what is final comes as soon as it
// is, and nothing that comes is taken back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/text/tokenizer.h"

namespace headscope {

class WrittenText {
 public:
  // `before` are the tokens of the prompt: a tokenizer may spell a text's first token otherwise
  // than one in its middle. `stops` end the text, which stops before them. `tokenizer` outlives it.
  WrittenText(const Tokenizer& tokenizer,
              const std::vector<std::int32_t>& before,
              std::vector<std::string> stops);

  // One more token. Nothing is added once a stop string has been met.
  void push(std::int32_t token);
  // Nothing more comes: what was held back is final.
  void finish();

  // True once a stop string is complete; tokens and the text behind its beginning do not count.
  [[nodiscard]] bool stopped() const { return stopped_; }
  // What is final: whole characters that no stop string can begin with.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void settle();
  [[nodiscard]] std::string text_before() const;

  const Tokenizer* tokenizer_;
  std::vector<std::string> stops_;
  std::vector<std::int32_t> tokens_;  // the last of the prompt, then those written
  std::size_t known_ = 0;             // tokens whose text is in text_ + pending_
  std::size_t prompt_ = 0;            // tokens of the prompt among them
  std::size_t from_ = 0;              // tokens that are decoded before them, for their spelling
  std::string pending_;               // whole characters that may begin a stop string
  std::string text_;
  bool stopped_ = false;
};

}  // namespace headscope
