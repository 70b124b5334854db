#include "lib/text/bpe.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/text/bpe_merge.h"
#include "lib/text/byte_alphabet.h"
#include "lib/text/unicode.h"
#include "lib/text/unknown_word.h"

namespace headscope {
namespace {

constexpr std::string_view kBpeSpaceMark = "\xE2\x96\x81";  // ▁, SentencePiece's space

}  // namespace

Bpe::Bpe(std::shared_ptr<const Vocabulary> vocabulary,
         const std::vector<RankedMerge>& merges,
         const BpeOptions& options)
    : vocabulary_(std::move(vocabulary)),
      options_(options),
      merges_(merges.size()),
      words_(vocabulary_->size()) {
  for (const RankedMerge& merge : merges) {
    merges_.insert(merge.left, merge.right, merge.merge);
  }
  index_words();
  prepare_bytes();
  find_word_break(merges);
}

void Bpe::index_words() {
  const auto count = static_cast<std::size_t>(vocabulary_->end_id());
  whole_ = std::make_unique<std::atomic<Whole>[]>(count);
  raw_.resize(options_.alphabet == Alphabet::bytes ? count : 0);
  for (TokenId id = 0; id < vocabulary_->end_id(); ++id) {
    const auto text = vocabulary_->text(id);
    if (!text || vocabulary_->find(*text) != id) {
      continue;  // no such token, or its text belongs to a later one
    }
    std::string_view word = *text;
    if (options_.alphabet == Alphabet::bytes) {
      auto bytes = unspell_bytes(*text);
      if (!bytes) {
        continue;  // spelt outside the alphabet: no word can be this
      }
      word = raw_[static_cast<std::size_t>(id)] = std::move(*bytes);
    }
    words_.insert(word, id);
    longest_ = std::max(longest_, word.size());
  }
}

void Bpe::prepare_bytes() {
  for (std::size_t byte = 0; byte < 256; ++byte) {
    byte_tokens_[byte] =
        options_.byte_fallback ? vocabulary_->find(fmt::format("<0x{:02X}>", byte)) : -1;
    append_utf8(spelled_[byte], byte_to_character(static_cast<std::uint8_t>(byte)));
    byte_symbols_[byte] = vocabulary_->find(spelled_[byte]);
  }
}

// SentencePiece vocabularies have no merge across the start of a word ("…a" + "▁b…"). Where that
// holds, a text without pre-tokeniser may be cut before every ▁ that follows another character
// without changing any merge: each part is short, and most are tokens.
void Bpe::find_word_break(const std::vector<RankedMerge>& merges) {
  breaks_at_space_ = options_.alphabet == Alphabet::characters &&
                     vocabulary_->find(kBpeSpaceMark) >= 0 && !options_.ignore_merges &&
                     std::none_of(merges.begin(), merges.end(), [&](const RankedMerge& merge) {
                       return vocabulary_->text(merge.right)->starts_with(kBpeSpaceMark) &&
                              !vocabulary_->text(merge.left)->ends_with(kBpeSpaceMark);
                     });
}

void Bpe::encode_whole(std::string_view word, std::vector<TokenId>& out) const {
  const TokenId id = vocabulary_->find(word);
  if (id < 0 && options_.unk < 0) {
    throw UnknownWord("the word '{}' is none of this tokenizer's {} words, and it has no others",
                      word,
                      vocabulary_->size());
  }
  out.push_back(id < 0 ? options_.unk : id);
}

void Bpe::encode(std::string_view word, std::vector<TokenId>& out) const {
  if (options_.whole_words) {
    encode_whole(word, out);
    return;
  }
  if (!breaks_at_space_) {
    encode_part(word, out);
    return;
  }
  std::size_t begin = 0;
  for (auto at = word.find(kBpeSpaceMark); at != word.npos; at = word.find(kBpeSpaceMark, at)) {
    const bool run = at >= 3 && word.substr(at - 3, 3) == kBpeSpaceMark;
    if (at > begin && !run) {
      encode_part(word.substr(begin, at - begin), out);
      begin = at;
    }
    at += kBpeSpaceMark.size();
  }
  encode_part(word.substr(begin), out);
}

void Bpe::encode_part(std::string_view part, std::vector<TokenId>& out) const {
  const TokenId id = part.size() <= longest_ && !part.empty() ? words_.find(part) : -1;
  std::atomic<Whole>* whole = id < 0 ? nullptr : &whole_[static_cast<std::size_t>(id)];
  if (id >= 0 && (options_.ignore_merges || whole->load(std::memory_order_relaxed) == Whole::yes)) {
    out.push_back(id);
    return;
  }
  const std::size_t begin = out.size();
  symbols(part, out);
  apply_merges(merges_, out, begin);
  if (whole != nullptr) {
    const bool itself = out.size() == begin + 1 && out.back() == id;
    whole->store(itself ? Whole::yes : Whole::no, std::memory_order_relaxed);
  }
}

// `pending` counts unknown characters not yet written: Hugging Face writes them only before the
// next known character (not before byte tokens) or at the end.
void Bpe::symbols(std::string_view word, std::vector<TokenId>& out) const {
  int pending = 0;
  if (options_.alphabet == Alphabet::bytes) {
    for (const char c : word) {
      const auto byte = static_cast<std::uint8_t>(c);
      if (byte_symbols_[byte] >= 0 && pending == 0) {
        out.push_back(byte_symbols_[byte]);
      } else {
        add_character(spelled_[byte], out, pending);
      }
    }
  } else {
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t length = utf8_length(word[at]);
      add_character(word.substr(at, length), out, pending);
      at += length;
    }
  }
  out.insert(out.end(), static_cast<std::size_t>(pending), options_.unk);
}

void Bpe::add_character(std::string_view character, std::vector<TokenId>& out, int& pending) const {
  const TokenId id = vocabulary_->find(character);
  if (id >= 0) {
    out.insert(out.end(), static_cast<std::size_t>(pending), options_.unk);
    pending = 0;
    out.push_back(id);
    return;
  }
  const bool fallback = std::all_of(character.begin(), character.end(), [&](char c) {
    return byte_tokens_[static_cast<std::uint8_t>(c)] >= 0;
  });
  if (fallback) {
    for (const char c : character) {
      out.push_back(byte_tokens_[static_cast<std::uint8_t>(c)]);
    }
  } else if (options_.unk >= 0) {
    if (pending == 1 && !options_.fuse_unk) {
      out.push_back(options_.unk);
    }
    pending = 1;
  }
}

}  // namespace headscope
