// Unigram language model: of all ways to cut a word into tokens the one of the highest summed log
// probability (Kudo 2018, "Subword Regularization"), by Viterbi, as Hugging Face does it.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "lib/text/prefix_trie.h"
#include "lib/text/vocabulary.h"
#include "lib/text/word_model.h"

namespace headscope {

struct UnigramOptions {
  TokenId unk = -1;            // −1: encode() throws UnknownWord for a character without a token
  bool byte_fallback = false;  // unknown stretches become the tokens <0xNN> of their bytes
};

class Unigram : public WordModel {
 public:
  // `scores` by id: log probabilities.
  Unigram(std::shared_ptr<const Vocabulary> vocabulary,
          std::vector<double> scores,
          const UnigramOptions& options);

  void encode(std::string_view word, std::vector<TokenId>& out) const override;

 private:
  // The best way to reach a place in the word: the last token and where it begins.
  struct Arrival {
    double score = 0;
    std::size_t begin = 0;
    TokenId id = -1;
    bool reached = false;

    void offer(double candidate, std::size_t from, TokenId token);
  };
  [[nodiscard]] std::vector<Arrival> best_arrivals(std::string_view word) const;
  void leave(std::string_view word, std::size_t begin, std::vector<Arrival>& arrivals) const;
  void append(std::string_view stretch, std::vector<TokenId>& out) const;

  std::shared_ptr<const Vocabulary> vocabulary_;
  std::vector<double> scores_;
  UnigramOptions options_;
  PrefixTrie trie_;
  double unknown_score_ = 0;
  std::array<TokenId, 256> byte_tokens_{};  // <0xNN>, or −1
};

}  // namespace headscope
