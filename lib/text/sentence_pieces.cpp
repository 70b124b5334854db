#include "lib/text/sentence_pieces.h"

#include <algorithm>

#include <fmt/format.h>

namespace headscope {
namespace {

std::shared_ptr<const Vocabulary> vocabulary_of(const SentencePieceFile& file) {
  auto vocabulary = std::make_shared<Vocabulary>(file.pieces.size());
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    vocabulary->insert(file.pieces[id].text, static_cast<TokenId>(id));
  }
  return vocabulary;
}

std::vector<PieceType> types_of(const SentencePieceFile& file) {
  std::vector<PieceType> types;
  types.reserve(file.pieces.size());
  for (const SentencePiece& piece : file.pieces) {
    types.push_back(piece.type);
  }
  return types;
}

}  // namespace

SentencePieces::SentencePieces(const SentencePieceFile& file)
    : types_(types_of(file)),
      unk_(file.unk),
      byte_fallback_(file.byte_fallback),
      vocabulary_(vocabulary_of(file)),
      cuttable_(file.pieces.size()),
      user_defined_(of_types({PieceType::user_defined})) {
  for (const SentencePiece& piece : file.pieces) {
    scores_.push_back(piece.score);
  }
  for (const auto& [text, id] : cuttable()) {
    cuttable_.insert(text, id);
  }
  for (int byte = 0; byte_fallback_ && byte < 256; ++byte) {
    byte_tokens_.push_back(vocabulary_->find(fmt::format("<0x{:02X}>", byte)));
  }
}

std::vector<std::pair<std::string_view, TokenId>> SentencePieces::of_types(
    const std::vector<PieceType>& types) const {
  std::vector<std::pair<std::string_view, TokenId>> pieces;
  for (std::size_t id = 0; id < types_.size(); ++id) {
    if (std::find(types.begin(), types.end(), types_[id]) != types.end()) {
      const auto token = static_cast<TokenId>(id);
      pieces.emplace_back(*vocabulary_->text(token), token);
    }
  }
  return pieces;
}

std::vector<std::pair<std::string_view, TokenId>> SentencePieces::cuttable() const {
  return of_types({PieceType::normal, PieceType::user_defined, PieceType::unused});
}

std::size_t SentencePieces::user_defined_length(std::string_view text) const {
  std::size_t longest = 0;
  user_defined_.prefixes(text, [&](std::size_t length, TokenId) { longest = length; });
  return longest;
}

void SentencePieces::append(std::string_view text,
                            TokenId id,
                            bool& after_unknown,
                            std::vector<TokenId>& out) const {
  const bool unknown = id < 0 || id == unk_;
  if (!unknown) {
    out.push_back(id);
  } else if (byte_fallback_) {
    for (const char c : text) {
      out.push_back(byte_tokens_[static_cast<std::uint8_t>(c)]);
    }
  } else if (!after_unknown) {
    out.push_back(unk_);
  }
  after_unknown = unknown;
}

}  // namespace headscope
