#include "lib/text/older_files.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/base/paths.h"
#include "lib/text/json_fields.h"
#include "lib/text/sentence_piece_file.h"
#include "lib/text/tokenizer_model.h"
#include "lib/text/vocabulary_files.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

void check_same_id(const fs::path& path,
                   std::string_view text,
                   TokenId id,
                   const Vocabulary& vocabulary) {
  const TokenId held = vocabulary.find(text);
  if (held >= 0 && held != id) {
    throw DataError("{} gives '{}' the id {}, but {} gives it {}; remove the file that is wrong",
                    path.string(),
                    text,
                    id,
                    (path.parent_path() / "tokenizer.json").string(),
                    held);
  }
}

// What is no SentencePiece model, as a pointer of Git LFS, says nothing.
void check_pieces_of(const fs::path& path, const Vocabulary& vocabulary) {
  const MappedFile mapped(path);
  const auto bytes = mapped.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!is_sentence_piece(text)) {
    return;
  }
  const auto file = SentencePieceFile::parse(text, path.string());
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    if (file.pieces[id].type == PieceType::normal) {
      check_same_id(path, file.pieces[id].text, static_cast<TokenId>(id), vocabulary);
    }
  }
}

void check_ids_of(const fs::path& path, const Json& ids, const Vocabulary& vocabulary) {
  if (!ids.is_object()) {
    throw DataError("{}: must map tokens to ids", path.string());
  }
  for (const auto& [text, id] : ids.items()) {
    check_same_id(path, text, token_id(id, path.string()), vocabulary);
  }
}

std::string merge_line(const Json& merge) {
  const bool pair =
      merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string();
  return pair                ? merge[0].get<std::string>() + " " + merge[1].get<std::string>()
         : merge.is_string() ? merge.get<std::string>()
                             : "";
}

void check_merges(const fs::path& path, const Json& merges) {
  const Json lines = read_merges_txt(path);
  const std::size_t common = std::min(lines.size(), merges.size());
  std::size_t at = 0;
  while (at < common && lines[at].get_ref<const std::string&>() == merge_line(merges[at])) {
    ++at;
  }
  if (at < common || lines.size() != merges.size()) {
    throw DataError("{} has '{}' as merge {}, but {} has '{}'; remove the file that is wrong",
                    path.string(),
                    at < lines.size() ? lines[at].get<std::string>() : "(none)",
                    at,
                    (path.parent_path() / "tokenizer.json").string(),
                    at < merges.size() ? merge_line(merges[at]) : "(none)");
  }
}

}  // namespace

void check_older_files(const fs::path& directory, const Json& model, const Vocabulary& vocabulary) {
  if (const fs::path path = directory / "tokenizer.model"; path_exists(path)) {
    check_pieces_of(path, vocabulary);
  }
  if (const fs::path path = directory / "vocab.json"; path_exists(path)) {
    check_ids_of(path, read_json(path), vocabulary);
  }
  if (const fs::path path = directory / "vocab.txt"; path_exists(path)) {
    check_ids_of(path, read_vocab_txt(path), vocabulary);
  }
  const auto merges = model.find("merges");
  if (const fs::path path = directory / "merges.txt";
      merges != model.end() && merges->is_array() && path_exists(path)) {
    check_merges(path, *merges);
  }
}

}  // namespace headscope
