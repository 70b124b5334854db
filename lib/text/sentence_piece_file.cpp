#include "lib/text/sentence_piece_file.h"

#include <cmath>
#include <unordered_set>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/text/protobuf.h"
#include "lib/text/unicode.h"

namespace headscope {
namespace {

// The numbers of fields are those of sentencepiece_model.proto; fields that only training reads are
// passed over, as protocol buffers ask of readers.

SentencePiece piece_from(std::string_view message, const std::string& where) {
  SentencePiece piece;
  ProtobufReader fields(message, where);
  while (const auto field = fields.next()) {
    if (field->number == 1) {
      piece.text = field->text(where);
    } else if (field->number == 2) {
      piece.score = field->real(where);
    } else if (field->number == 3) {
      const std::int32_t type = field->integer(where);
      if (type < 1 || type > 6) {
        throw DataError("{} is of the unknown type {}", where, type);
      }
      piece.type = static_cast<PieceType>(type);
    }
  }
  if (piece.text.empty() || valid_utf8_prefix(piece.text) != piece.text.size()) {
    throw DataError("{} is empty or no UTF-8", where);
  }
  if (!std::isfinite(piece.score)) {
    throw DataError("{} has a score that is no number", where);
  }
  return piece;
}

SentencePieceFile::Algorithm algorithm_from(std::int32_t type, const std::string& where) {
  if (type != 1 && type != 2) {
    throw DataError("{}: headscope does not implement model_type {} ({}), only unigram and bpe",
                    where,
                    type,
                    type == 3   ? "word"
                    : type == 4 ? "char"
                                : "unknown");
  }
  return static_cast<SentencePieceFile::Algorithm>(type);
}

void read_trainer(std::string_view message, const std::string& where, SentencePieceFile& file) {
  ProtobufReader fields(message, where);
  while (const auto field = fields.next()) {
    switch (field->number) {
      case 3:
        file.algorithm = algorithm_from(field->integer(where), where);
        break;
      case 24:
        file.treat_whitespace_as_suffix = field->boolean(where);
        break;
      case 35:
        file.byte_fallback = field->boolean(where);
        break;
      case 41:
        file.bos = field->integer(where);
        break;
      case 42:
        file.eos = field->integer(where);
        break;
      default:
        break;
    }
  }
}

void read_normalizer(std::string_view message, const std::string& where, SentencePieceFile& file) {
  ProtobufReader fields(message, where);
  while (const auto field = fields.next()) {
    switch (field->number) {
      case 2:
        file.precompiled_charsmap = field->text(where);
        break;
      case 3:
        file.add_dummy_prefix = field->boolean(where);
        break;
      case 4:
        file.remove_extra_whitespaces = field->boolean(where);
        break;
      case 5:
        file.escape_whitespaces = field->boolean(where);
        break;
      default:
        break;
    }
  }
}

void check_pieces(SentencePieceFile& file, const std::string& where) {
  std::unordered_set<std::string_view> texts;
  std::size_t unknown = 0;
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePiece& piece = file.pieces[id];
    if (!texts.insert(piece.text).second) {
      throw DataError("{}: the piece '{}' is there twice", where, piece.text);
    }
    if (piece.type == PieceType::unknown) {
      ++unknown;
      file.unk = static_cast<TokenId>(id);
    }
  }
  if (unknown != 1) {
    throw DataError("{}: {} pieces stand for what is unknown; one must", where, unknown);
  }
  for (int byte = 0; file.byte_fallback && byte < 256; ++byte) {
    if (!texts.contains(fmt::format("<0x{:02X}>", byte))) {
      throw DataError("{}: byte_fallback, but no piece <0x{:02X}>", where, byte);
    }
  }
}

// Models without a token of that kind have −1, and some an id that is no piece's.
TokenId piece_or_none(TokenId id, std::size_t pieces) {
  return id >= 0 && static_cast<std::size_t>(id) < pieces ? id : -1;
}

}  // namespace

SentencePieceFile SentencePieceFile::parse(std::string_view bytes, const std::string& where) {
  SentencePieceFile file;
  ProtobufReader fields(bytes, where);
  while (const auto field = fields.next()) {
    if (field->number == 1) {
      const std::string piece = fmt::format("{}: piece {}", where, file.pieces.size());
      file.pieces.push_back(piece_from(field->text(piece), piece));
    } else if (field->number == 2) {
      read_trainer(field->text(where), where + ": trainer_spec", file);
    } else if (field->number == 3) {
      read_normalizer(field->text(where), where + ": normalizer_spec", file);
    }
  }
  if (file.pieces.size() >= (std::size_t{1} << 24)) {
    throw DataError("{}: a vocabulary of {} pieces", where, file.pieces.size());
  }
  check_pieces(file, where);
  file.bos = piece_or_none(file.bos, file.pieces.size());
  file.eos = piece_or_none(file.eos, file.pieces.size());
  return file;
}

}  // namespace headscope
