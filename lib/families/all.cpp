#include <algorithm>

#include <fmt/ranges.h>

#include "lib/base/error.h"
#include "lib/families/families.h"

namespace headscope {

std::span<const Family> all_families() {
  // clang-format off
  static const std::vector<Family> families{
      gpt2_family(),
      gpt_neox_family(),
      gpt_neo_family(),
      opt_family(),
      bloom_family(),
      falcon_family(),
      llama_family(),
      mistral_family(),
      phi3_family(),
      granite_family(),
      smollm3_family(),
      gptj_family(),
      qwen2_family(),
      qwen3_family(),
      mixtral_family(),
      qwen3_moe_family(),
      gpt_oss_family(),
      gemma2_family(),
      gemma3_family(),
      bert_family(),
      roberta_family(),
      distilbert_family(),
      olmo_family(),
      olmo2_family(),
      olmoe_family(),
      stablelm_family(),
      starcoder2_family(),
      gemma1_family(),
      phi_family(),
      hooked_transformer_family(),
  };
  // clang-format on
  return families;
}

const Family& family_for(std::string_view architecture, Naming naming, const std::string& where) {
  std::vector<std::string_view> known;
  for (const Family& family : all_families()) {
    const auto& names = naming == Naming::gguf ? family.gguf : family.architectures;
    if (std::find(names.begin(), names.end(), architecture) != names.end()) {
      return family;
    }
    known.insert(known.end(), names.begin(), names.end());
  }
  throw DataError("{}: architecture \"{}\" is not supported; headscope runs {}",
                  where,
                  architecture,
                  fmt::join(known, ", "));
}

}  // namespace headscope
