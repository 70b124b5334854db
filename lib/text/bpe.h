// Byte-pair encoding of one word, merge for merge as Hugging Face does it: the lowest rank first,
// the leftmost among equals (Sennrich et al. 2016). Or, of word-level vocabularies, the word
// itself.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/text/merge_table.h"
#include "lib/text/vocabulary.h"
#include "lib/text/word_model.h"

namespace headscope {

// What the characters of a word are: themselves, or bytes spelt in GPT-2's alphabet.
enum class Alphabet { characters, bytes };

struct BpeOptions {
  Alphabet alphabet = Alphabet::characters;
  bool byte_fallback = false;  // a character without a token becomes its bytes' tokens <0xNN>
  bool fuse_unk = false;       // neighbouring unknown characters become one unknown token
  bool ignore_merges = false;  // a word that is a token is that token, whatever the merges say
  TokenId unk = -1;            // −1: unknown characters vanish, as in Hugging Face
  // Words are tokens or unknown (Hugging Face's WordLevel); without `unk` encode() throws
  // UsageError for one that is none.
  bool whole_words = false;
};

struct RankedMerge {
  TokenId left;
  TokenId right;
  Merge merge;
};

class Bpe : public WordModel {
 public:
  Bpe(std::shared_ptr<const Vocabulary> vocabulary,
      const std::vector<RankedMerge>& merges,
      const BpeOptions& options);

  // Appends the ids of `word`: raw bytes for Alphabet::bytes, valid UTF-8 otherwise.
  // O(n log n) in its length. Thread-safe.
  void encode(std::string_view word, std::vector<TokenId>& out) const override;

 private:
  enum class Whole : std::uint8_t { unknown, yes, no };

  void index_words();
  void prepare_bytes();
  void find_word_break(const std::vector<RankedMerge>& merges);
  void encode_whole(std::string_view word, std::vector<TokenId>& out) const;
  void encode_part(std::string_view part, std::vector<TokenId>& out) const;
  void symbols(std::string_view word, std::vector<TokenId>& out) const;
  void add_character(std::string_view character, std::vector<TokenId>& out, int& pending) const;

  std::shared_ptr<const Vocabulary> vocabulary_;
  BpeOptions options_;
  MergeTable merges_;
  std::vector<std::string> raw_;                 // tokens as raw bytes (Alphabet::bytes only)
  TokenIndex words_;                             // what a whole word is looked up in
  std::size_t longest_ = 0;                      // the longest word that can be a token, in bytes
  std::array<TokenId, 256> byte_tokens_{};       // <0xNN>, or −1
  std::array<std::string, 256> spelled_;         // each byte in GPT-2's alphabet
  std::array<TokenId, 256> byte_symbols_{};      // its token, or −1
  bool breaks_at_space_ = false;                 // see find_word_break
  std::unique_ptr<std::atomic<Whole>[]> whole_;  // does this token encode to itself?
};

}  // namespace headscope
