#include "lib/text/tokenizer_gguf.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/text/bpe_json.h"
#include "lib/text/gguf_default_pre.h"
#include "lib/text/gguf_pre.h"
#include "lib/text/gguf_vocabulary.h"
#include "lib/text/json_fields.h"
#include "lib/text/spm_merges.h"
#include "lib/text/tokenizer_impl.h"

namespace headscope {
namespace {

constexpr const char* kTokenizerGgufSpaceMark = "\xE2\x96\x81";  // ▁

struct Reader {
  const Json& metadata;
  const std::string& where;
  GgufVocabulary tokens;
  Tokenizer::Impl& impl;
};

Json split_spec(const GgufPre& pre) {
  Json steps = Json::array();
  for (const std::string_view pattern : pre.patterns) {
    steps.push_back(
        {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}});
  }
  steps.push_back({{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}});
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

std::vector<RankedMerge> stored_merges(const Reader& reader) {
  const std::string where = reader.where + ": tokenizer.ggml.merges";
  std::vector<RankedMerge> merges;
  for (const Json& line : array_field(reader.metadata, "tokenizer.ggml.merges", reader.where)) {
    if (!line.is_string()) {
      throw DataError("{}: entry {} is no string", where, merges.size());
    }
    merges.push_back(ranked_merge(
        *reader.impl.vocabulary, line.get_ref<const std::string&>(), merges.size(), where));
  }
  return merges;
}

bool read_byte_level(Reader& reader) {
  const auto name = optional_string(reader.metadata, "tokenizer.ggml.pre", reader.where);
  const GgufPre pre = gguf_pre(name.value_or("default"), reader.where);
  Tokenizer::Impl& impl = reader.impl;
  impl.vocabulary = reader.tokens.vocabulary();
  if (pre.nfc) {
    impl.normalizer = Normalizer::from_json({{"type", "NFC"}}, reader.where);
  }
  impl.pre_tokenizer = PreTokenizer::from_json(split_spec(pre), reader.where);
  const std::vector<RankedMerge> merges = stored_merges(reader);
  if (name.value_or("default") == "default") {
    check_default_pre(name, *impl.vocabulary, merges, impl.pre_tokenizer, reader.where);
  }
  impl.model = std::make_unique<Bpe>(
      impl.vocabulary,
      merges,
      BpeOptions{.alphabet = Alphabet::bytes, .ignore_merges = pre.ignore_merges});
  impl.decoder = Decoder::from_json({{"type", "ByteLevel"}}, reader.where);
  impl.kind = fmt::format("byte-level BPE ({})", name.value_or("default"));
  return pre.add_bos;
}

// Gemma's files spell runs of spaces as spaces, and their order, not their scores, is that of the
// merges (so does transformers read them).
void mend_gemma(GgufVocabulary& tokens) {
  tokens.scores.resize(tokens.texts.size());
  for (std::size_t id = 0; id < tokens.texts.size(); ++id) {
    tokens.scores[id] = -static_cast<double>(id);
    std::string& text = tokens.texts[id];
    if (text.find_first_not_of(' ') == text.npos) {
      const std::size_t count = text.size();
      text.clear();
      for (std::size_t i = 0; i < count; ++i) {
        text += kTokenizerGgufSpaceMark;
      }
    }
  }
}

Json space_normalizer(bool prefix) {
  const Json replace = {
      {"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kTokenizerGgufSpaceMark}};
  const Json prepend = {{"type", "Prepend"}, {"prepend", kTokenizerGgufSpaceMark}};
  return {{"type", "Sequence"},
          {"normalizers", prefix ? Json{prepend, replace} : Json::array({replace})}};
}

Json space_decoder(bool prefix) {
  Json steps = {
      {{"type", "Replace"}, {"pattern", {{"String", kTokenizerGgufSpaceMark}}}, {"content", " "}},
      {{"type", "ByteFallback"}},
      {{"type", "Fuse"}}};
  if (prefix) {
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1u}, {"stop", 0u}});
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

bool read_sentence_piece(Reader& reader) {
  Tokenizer::Impl& impl = reader.impl;
  const auto architecture = optional_string(reader.metadata, "general.architecture", reader.where);
  const bool gemma = architecture && architecture->starts_with("gemma");
  if (gemma) {
    mend_gemma(reader.tokens);
  } else if (reader.tokens.scores.empty()) {
    throw DataError("{}: a llama vocabulary without tokenizer.ggml.scores", reader.where);
  }
  const bool prefix =
      bool_field_or(reader.metadata, "tokenizer.ggml.add_space_prefix", !gemma, reader.where);
  impl.vocabulary = reader.tokens.vocabulary();
  impl.normalizer = Normalizer::from_json(space_normalizer(prefix), reader.where);
  const auto unk = gguf_token_id(
      reader.metadata, "tokenizer.ggml.unknown_token_id", reader.tokens, reader.where);
  impl.model = std::make_unique<Bpe>(
      impl.vocabulary,
      spm_merges(reader.tokens, *impl.vocabulary),
      BpeOptions{.byte_fallback = true, .fuse_unk = true, .unk = unk.value_or(-1)});
  impl.decoder = Decoder::from_json(space_decoder(prefix), reader.where);
  impl.kind = "SentencePiece BPE (llama)";
  return true;
}

// What ends a response: the end of a sequence, of a turn and of a message, one id or a list each.
void read_ends(const Reader& reader) {
  for (const char* key : {"tokenizer.ggml.eos_token_id",
                          "tokenizer.ggml.eos_token_ids",
                          "tokenizer.ggml.eot_token_id",
                          "tokenizer.ggml.eom_token_id"}) {
    for (const TokenId id : gguf_token_ids(reader.metadata, key, reader.tokens, reader.where)) {
      reader.impl.add_end(id);
    }
  }
}

void read_special(const Reader& reader, bool add_bos) {
  Tokenizer::Impl& impl = reader.impl;
  const auto& [metadata, where, tokens, ignored] = reader;
  impl.added = tokens.added();
  impl.index_added();
  impl.bos = gguf_token_id(metadata, "tokenizer.ggml.bos_token_id", tokens, where);
  read_ends(reader);
  const auto eos = gguf_token_ids(metadata, "tokenizer.ggml.eos_token_id", tokens, where);
  impl.eos = eos.empty() ? std::nullopt : std::optional(eos.front());
  if (bool_field_or(metadata, "tokenizer.ggml.add_bos_token", add_bos, where) && impl.bos) {
    impl.post_processor.before = {*impl.bos};
  }
  if (bool_field_or(metadata, "tokenizer.ggml.add_eos_token", false, where) && impl.eos) {
    impl.post_processor.after = {*impl.eos};
  }
}

std::string hash_of(const Json& metadata, const Reader& reader) {
  Hasher hasher;
  for (const auto& [key, value] : metadata.items()) {
    if (!key.starts_with("tokenizer.ggml.")) {
      continue;
    }
    hasher.update(key).update(std::string_view("\0", 1));
    if (key == "tokenizer.ggml.tokens") {
      for (const std::string& text : reader.tokens.texts) {
        hasher.update(text).update(std::string_view("\0", 1));
      }
    } else {
      hasher.update(value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }
  return hasher.digest();
}

}  // namespace

std::shared_ptr<Tokenizer::Impl> read_tokenizer_gguf(const Json& metadata,
                                                     const std::string& where) {
  auto impl = std::make_shared<Tokenizer::Impl>();
  const std::string model = string_field(metadata, "tokenizer.ggml.model", where);
  if (model != "gpt2" && model != "llama") {
    throw DataError(
        "{}: headscope does not implement tokenizer.ggml.model '{}', only gpt2 and llama",
        where,
        model);
  }
  Reader reader{metadata, where, GgufVocabulary::from_metadata(metadata, where), *impl};
  read_special(reader, model == "gpt2" ? read_byte_level(reader) : read_sentence_piece(reader));
  impl->hash = hash_of(metadata, reader);
  return impl;
}

}  // namespace headscope
