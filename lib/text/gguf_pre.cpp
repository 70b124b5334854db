#include "lib/text/gguf_pre.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::string_view kDigits = R"(\p{N})";
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Group {
  std::vector<std::string_view> names;
  GgufPre pre;
};

const std::vector<Group>& groups() {
  static const std::vector<Group> table = {
      // "default" is what converters wrote before `pre` existed: GPT-2's own, as transformers reads
      // it
      {{"default", "gpt-2", "gpt2", "phi-2", "jais", "roberta-bpe", "modern-bert"}, {{kGpt2}}},
      {{"olmo", "mpt", "gpt-neox", "gptneox"}, {.patterns = {kGpt2}, .nfc = true}},
      {{"smollm", "starcoder", "refact", "command-r", "codeshell"}, {{kDigits, kGpt2}}},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"},
       {.patterns = {kLlama3}, .ignore_merges = true, .add_bos = true}},
      {{"dbrx", "smaug-bpe"}, {{kLlama3}}},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2"}, {.patterns = {kQwen2}, .nfc = true}},
      {{"tekken"}, {.patterns = {kTekken}, .ignore_merges = true, .add_bos = true}},
      {{"gpt-4o", "llama4"}, {.patterns = {kGpt4o}}},
  };
  return table;
}

}  // namespace

GgufPre gguf_pre(std::string_view name, const std::string& where) {
  for (const Group& group : groups()) {
    if (std::find(group.names.begin(), group.names.end(), name) != group.names.end()) {
      return group.pre;
    }
  }
  throw DataError(
      "{}: headscope does not know tokenizer.ggml.pre '{}': use the model's Hugging Face directory",
      where,
      name);
}

}  // namespace headscope
