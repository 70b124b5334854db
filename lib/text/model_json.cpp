#include "lib/text/model_json.h"

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/text/bpe_json.h"
#include "lib/text/json_fields.h"
#include "lib/text/unigram_json.h"
#include "lib/text/word_piece_json.h"

namespace headscope {
namespace {

void refuse_bytes(const char* type, Alphabet alphabet, const std::string& where) {
  if (alphabet == Alphabet::bytes) {
    throw DataError("{}: headscope does not implement {} after ByteLevel", where, type);
  }
}

WordModelParts from_bpe(BpeParts parts, std::string kind) {
  auto model = std::make_unique<Bpe>(parts.vocabulary, parts.merges, parts.options);
  return {std::move(parts.vocabulary), std::move(model), std::move(kind)};
}

WordModelParts bpe(const Json& model, Alphabet alphabet, const std::string& where) {
  BpeParts parts = read_bpe(model, where);
  parts.options.alphabet = alphabet;
  const char* kind = alphabet == Alphabet::bytes   ? "byte-level BPE"
                     : parts.options.byte_fallback ? "BPE with byte fallback"
                                                   : "BPE";
  return from_bpe(std::move(parts), kind);
}

WordModelParts word_level(const Json& model, Alphabet alphabet, const std::string& where) {
  refuse_bytes("WordLevel", alphabet, where);
  return from_bpe(read_word_level(model, where), "word level");
}

WordModelParts unigram(const Json& model, Alphabet alphabet, const std::string& where) {
  refuse_bytes("Unigram", alphabet, where);
  UnigramParts parts = read_unigram(model, where);
  auto made = std::make_unique<Unigram>(parts.vocabulary, std::move(parts.scores), parts.options);
  return {std::move(parts.vocabulary), std::move(made), "Unigram"};
}

WordModelParts word_piece(const Json& model, Alphabet alphabet, const std::string& where) {
  refuse_bytes("WordPiece", alphabet, where);
  WordPieceParts parts = read_word_piece(model, where);
  auto made = std::make_unique<WordPiece>(parts.vocabulary, parts.options);
  return {std::move(parts.vocabulary), std::move(made), "WordPiece"};
}

struct ModelType {
  std::string_view name;
  WordModelParts (*read)(const Json&, Alphabet, const std::string&);
};

constexpr ModelType kModelTypes[] = {
    {"BPE", bpe}, {"WordLevel", word_level}, {"Unigram", unigram}, {"WordPiece", word_piece}};

// Files of before 2020 leave it out.
std::string type_of(const Json& model, const std::string& where) {
  if (const auto type = optional_string(model, "type", where)) {
    return *type;
  }
  if (field(model, "vocab", where).is_array()) {
    return "Unigram";
  }
  return model.contains("max_input_chars_per_word") ? "WordPiece" : "BPE";
}

}  // namespace

WordModelParts read_word_model(const Json& model, Alphabet alphabet, const std::string& where) {
  const std::string type = type_of(model, where);
  std::vector<std::string_view> names;
  for (const ModelType& known : kModelTypes) {
    if (known.name == type) {
      return known.read(model, alphabet, where);
    }
    names.push_back(known.name);
  }
  throw DataError("{}: headscope does not implement the type '{}', only {}",
                  where,
                  type,
                  fmt::join(names, ", "));
}

}  // namespace headscope
