#include "lib/text/tokenizer_config.h"

#include "lib/base/error.h"
#include "lib/text/json_fields.h"

namespace headscope {
namespace {

Json read_if_present(const std::filesystem::path& path) {
  return std::filesystem::exists(path) ? read_json(path) : Json::object();
}

// "<s>" or {"content": "<s>", …}.
std::string token_text(const Json& value, const char* name, const std::string& where) {
  if (value.is_object()) {
    return string_field(value, "content", where);
  }
  if (!value.is_string()) {
    throw DataError("{}: '{}' must be a token's text", where, name);
  }
  return value.get<std::string>();
}

struct Sources {
  std::filesystem::path directory;
  Json tokenizer_config;
  Json special_tokens_map;
  Json config;
};

// The id that config.json gives: the first, where it gives several.
std::optional<TokenId> config_id(const Sources& sources,
                                 const std::string& name,
                                 const Tokenizer::Impl& impl) {
  const auto found = sources.config.find(name);
  if (found == sources.config.end() || found->is_null()) {
    return std::nullopt;
  }
  const Json& value = found->is_array() && !found->empty() ? found->front() : *found;
  const TokenId id = token_id(value, (sources.directory / "config.json").string() + ": " + name);
  return impl.spelling(id) ? std::optional(id) : std::nullopt;
}

std::optional<TokenId> special_token(const Sources& sources,
                                     const char* name,
                                     const Tokenizer::Impl& impl) {
  const std::pair<const Json*, const char*> files[] = {
      {&sources.tokenizer_config, "tokenizer_config.json"},
      {&sources.special_tokens_map, "special_tokens_map.json"}};
  for (const auto& [file, file_name] : files) {
    const auto found = file->find(name);
    if (found == file->end()) {
      continue;
    }
    if (found->is_null()) {
      return std::nullopt;
    }
    const std::string where = (sources.directory / file_name).string();
    const std::string text = token_text(*found, name, where);
    const auto id = impl.find(text);
    if (!id) {
      throw DataError("{}: the {} '{}' is not in the vocabulary", where, name, text);
    }
    return id;
  }
  return config_id(sources, std::string(name) + "_id", impl);
}

Json object_at(const std::filesystem::path& path) {
  Json file = read_if_present(path);
  if (!file.is_object()) {
    throw DataError("{}: an object is expected", path.string());
  }
  return file;
}

}  // namespace

void apply_tokenizer_config(const std::filesystem::path& directory,
                            Tokenizer::Impl& impl,
                            Hasher& hasher) {
  const Sources sources{directory,
                        object_at(directory / "tokenizer_config.json"),
                        object_at(directory / "special_tokens_map.json"),
                        object_at(directory / "config.json")};
  impl.bos = special_token(sources, "bos_token", impl);
  impl.eos = special_token(sources, "eos_token", impl);
  const bool silent = !sources.tokenizer_config.contains("bos_token") && !impl.bos;
  if (silent && !impl.post_processor.before.empty()) {
    impl.bos = impl.post_processor.before.front();
  }
  hasher.update(fmt::format("bos {} eos {}", impl.bos.value_or(-1), impl.eos.value_or(-1)));
}

}  // namespace headscope
