#include "lib/text/tokenizer_vocabulary.h"

#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/text/json_fields.h"
#include "lib/text/tokenizer_impl.h"
#include "lib/text/tokenizer_json.h"
#include "lib/text/vocabulary_files.h"

namespace headscope {
namespace {

std::shared_ptr<Tokenizer::Impl> made_of(const Json& spec,
                                         const TokenizerFiles& files,
                                         const std::filesystem::path& path) {
  const std::string config = (files.directory / "tokenizer_config.json").string();
  const bool own = spec.contains("post_processor");
  const bool add_bos =
      !own && bool_field_or(files.tokenizer_config, "add_bos_token", false, config);
  const bool add_eos =
      !own && bool_field_or(files.tokenizer_config, "add_eos_token", false, config);
  Hasher hasher;
  hasher.update(spec.dump()).update(add_bos ? "bos" : "").update(add_eos ? " eos" : "");
  auto impl = tokenizer_from_spec(spec, files, hasher, path.string());
  if (add_bos && impl->bos) {
    impl->post_processor.before = {*impl->bos};
  }
  if (add_eos && impl->eos) {
    impl->post_processor.after = {*impl->eos};
  }
  return impl;
}

}  // namespace

std::shared_ptr<Tokenizer::Impl> read_tokenizer_vocab_json(const std::filesystem::path& path) {
  TokenizerFiles files = TokenizerFiles::read(path.parent_path());
  const Json spec = spec_of_vocab_json(files);
  return made_of(spec, files, path);
}

std::shared_ptr<Tokenizer::Impl> read_tokenizer_vocab_txt(const std::filesystem::path& path) {
  TokenizerFiles files = TokenizerFiles::read(path.parent_path());
  const Json spec = spec_of_vocab_txt(files);
  return made_of(spec, files, path);
}

std::shared_ptr<Tokenizer::Impl> read_tokenizer_tiktoken(const std::filesystem::path& path) {
  return made_of(spec_of_tiktoken(path), TokenizerFiles::read(path.parent_path()), path);
}

}  // namespace headscope
