#include "lib/text/llama_spacing.h"

#include <algorithm>

#include "lib/text/json_fields.h"

namespace headscope {
namespace {

constexpr const char* kLlamaSpaceMark = "\xE2\x96\x81";  // ▁

// Is a step of that type in `spec` or in a sequence within it?
bool has_type(const Json& spec, const std::string& type) {
  if (spec.is_object() && spec.contains("type") && spec["type"] == type) {
    return true;
  }
  return spec.is_structured() && std::any_of(spec.begin(), spec.end(), [&](const Json& part) {
           return has_type(part, type);
         });
}

Json llama_decoder(bool prefix) {
  Json steps = Json::array(
      {{{"type", "Replace"}, {"pattern", {{"String", kLlamaSpaceMark}}}, {"content", " "}},
       {{"type", "ByteFallback"}},
       {{"type", "Fuse"}}});
  if (prefix) {
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1u}, {"stop", 0u}});
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

}  // namespace

bool apply_llama_spacing(const TokenizerFiles& files, Json& tokenizer, const std::string& where) {
  const bool byte_level =
      has_type(optional_field(tokenizer, "pre_tokenizer", where), "ByteLevel") ||
      has_type(optional_field(tokenizer, "decoder", where), "ByteLevel");
  if (files.tokenizer_class() != kLlamaTokenizer || byte_level) {
    return false;
  }
  const std::string config = (files.directory / "tokenizer_config.json").string();
  const bool legacy = bool_field_or(files.tokenizer_config, "legacy", false, config);
  const bool prefix = bool_field_or(files.tokenizer_config, "add_prefix_space", true, config);
  const Json before = tokenizer;
  tokenizer["normalizer"] = nullptr;
  tokenizer["pre_tokenizer"] = {{"type", "Metaspace"},
                                {"replacement", kLlamaSpaceMark},
                                {"prepend_scheme",
                                 !prefix  ? "never"
                                 : legacy ? "always"
                                          : "first"},
                                {"split", false}};
  tokenizer["decoder"] = llama_decoder(prefix);
  if (Json& model = tokenizer["model"]; model.is_object()) {
    model["byte_fallback"] = true;
    model["fuse_unk"] = true;
    model["ignore_merges"] = false;
    model["unk_token"] = nullptr;  // the class names none to the model: unknown characters vanish
  }
  return tokenizer != before;
}

}  // namespace headscope
