#include "lib/text/tokenizer_model.h"

#include <fmt/format.h>

#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/mapped_file.h"
#include "lib/text/json_fields.h"
#include "lib/text/pre_tokenizer_steps.h"
#include "lib/text/sentence_piece_bpe.h"
#include "lib/text/sentence_piece_file.h"
#include "lib/text/sentence_piece_normalizer.h"
#include "lib/text/sentence_piece_unigram.h"
#include "lib/text/tokenizer_config.h"
#include "lib/text/tokenizer_impl.h"
#include "lib/text/tokenizer_vocabulary.h"

namespace headscope {
namespace {

using DummyPrefix = SentencePieceNormalizer::DummyPrefix;

struct ModelSettings {
  DummyPrefix dummy_prefix;
  bool add_bos;
  bool add_eos;
};

ModelSettings model_settings(const SentencePieceFile& file, const TokenizerFiles& files) {
  const std::string where = (files.directory / "tokenizer_config.json").string();
  const auto says = [&](const char* name, bool otherwise) {
    return bool_field_or(files.tokenizer_config, name, otherwise, where);
  };
  return {.dummy_prefix = !says("add_prefix_space", true) ? DummyPrefix::none
                          : says("legacy", false)         ? DummyPrefix::every_stretch
                                                          : DummyPrefix::opening,
          .add_bos = says("add_bos_token", file.bos >= 0),
          .add_eos = says("add_eos_token", false)};
}

std::vector<AddedToken> control_tokens(const SentencePieceFile& file) {
  std::vector<AddedToken> tokens;
  for (std::size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePiece& piece = file.pieces[id];
    if (piece.type == PieceType::control || piece.type == PieceType::unknown) {
      tokens.push_back({.id = static_cast<TokenId>(id), .content = piece.text, .special = true});
    }
  }
  return tokens;
}

Json piece_decoder(const SentencePieceFile& file, const ModelSettings& settings) {
  Json steps = Json::array();
  if (file.escape_whitespaces) {
    steps.push_back(
        {{"type", "Replace"}, {"pattern", {{"String", "\xE2\x96\x81"}}}, {"content", " "}});
  }
  if (file.byte_fallback) {
    steps.push_back({{"type", "ByteFallback"}});
  }
  steps.push_back({{"type", "Fuse"}});
  if (file.add_dummy_prefix && settings.dummy_prefix != DummyPrefix::none) {
    const bool after = file.treat_whitespace_as_suffix;
    steps.push_back({{"type", "Strip"},
                     {"content", " "},
                     {"start", after ? 0u : 1u},
                     {"stop", after ? 1u : 0u}});
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

std::unique_ptr<const WordModel> cutting_model(const SentencePieceFile& file,
                                               std::shared_ptr<const SentencePieces> pieces) {
  if (file.algorithm == SentencePieceFile::Algorithm::bpe) {
    return std::make_unique<SentencePieceBpe>(std::move(pieces));
  }
  return std::make_unique<SentencePieceUnigram>(std::move(pieces));
}

PreTokenizer normalizing_step(SentencePieceNormalizer normalizer) {
  return PreTokenizer::from_step([normalizer = std::move(normalizer)](Pieces& pieces) {
    rewrite_pieces(pieces, [&](std::string_view piece, Place place, std::string& out) {
      out += normalizer.apply(piece, place);
    });
  });
}

std::optional<TokenId> piece_id(TokenId id) {
  return id >= 0 ? std::optional(id) : std::nullopt;
}

// What tokenizer_config.json leaves open is as the model says it.
void set_special_tokens(const SentencePieceFile& file,
                        const TokenizerFiles& files,
                        const ModelSettings& settings,
                        Tokenizer::Impl& impl) {
  if (!impl.bos && !files.special("bos_token").given) {
    impl.bos = piece_id(file.bos);
  }
  if (!impl.eos && !files.special("eos_token").given) {
    impl.eos = piece_id(file.eos);
    impl.add_end(impl.eos);
  }
  if (settings.add_bos && impl.bos) {
    impl.post_processor.before = {*impl.bos};
  }
  if (settings.add_eos && impl.eos) {
    impl.post_processor.after = {*impl.eos};
  }
}

}  // namespace

bool is_sentence_piece(std::string_view bytes) {
  return bytes.starts_with('\n');  // field 1, a message: the first piece
}

std::shared_ptr<Tokenizer::Impl> read_tokenizer_model(const std::filesystem::path& path) {
  const MappedFile mapped(path);
  const auto bytes = mapped.bytes();
  const std::string where = path.string();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!is_sentence_piece(text)) {
    return read_tokenizer_tiktoken(path);
  }
  const auto file = SentencePieceFile::parse(text, where);
  const TokenizerFiles files = TokenizerFiles::read(path.parent_path());
  const ModelSettings settings = model_settings(file, files);
  const auto pieces = std::make_shared<const SentencePieces>(file);

  auto impl = std::make_shared<Tokenizer::Impl>();
  Hasher hasher;
  hasher.update(bytes).update(fmt::format("prefix {}", static_cast<int>(settings.dummy_prefix)));
  impl->vocabulary = pieces->vocabulary();
  impl->pre_tokenizer = normalizing_step({file, pieces, settings.dummy_prefix, where});
  impl->model = cutting_model(file, pieces);
  impl->kind = fmt::format("SentencePiece {}{}",
                           file.algorithm == SentencePieceFile::Algorithm::bpe ? "BPE" : "unigram",
                           file.byte_fallback ? " with byte fallback" : "");
  impl->added = control_tokens(file);
  add_named_tokens(files, *impl, hasher);
  impl->index_added();
  impl->decoder = Decoder::from_json(piece_decoder(file, settings), where);
  apply_tokenizer_config(files, *impl, hasher);
  set_special_tokens(file, files, settings, *impl);
  hasher.update(fmt::format(
      "before {} after {}", impl->post_processor.before.size(), impl->post_processor.after.size()));
  impl->hash = hasher.digest();
  return impl;
}

}  // namespace headscope
