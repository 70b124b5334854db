#include "lib/sae/sae_config.h"

#include <array>
#include <utility>

#include "lib/base/error.h"

namespace headscope {
namespace {

template <typename Value, std::size_t kCount>
using SaeWords = std::array<std::pair<std::string_view, Value>, kCount>;

constexpr SaeWords<SaeArch, 5> kSaeArchs{{{"standard", SaeArch::standard},
                                          {"topk", SaeArch::topk},
                                          {"batchtopk", SaeArch::batchtopk},
                                          {"jumprelu", SaeArch::jumprelu},
                                          {"gated", SaeArch::gated}}};
constexpr SaeWords<SaeNormalisation, 4> kSaeNormalisations{
    {{"none", SaeNormalisation::none},
     {"expected_average_only_in", SaeNormalisation::expected_average_only_in},
     {"constant_norm_rescale", SaeNormalisation::constant_norm_rescale},
     {"layer_norm", SaeNormalisation::layer_norm}}};

template <typename Words, typename Value>
std::string_view sae_word(const Words& words, Value value) {
  for (const auto& [word, own] : words) {
    if (own == value) {
      return word;
    }
  }
  throw InternalError("an SAE word without a name");
}

template <typename Words>
auto sae_value(const Words& words, std::string_view word, std::string_view what) {
  std::string known;
  for (const auto& [own, value] : words) {
    if (own == word) {
      return value;
    }
    known += (known.empty() ? "" : ", ") + std::string(own);
  }
  throw UsageError("{}: no {} of sparse autoencoders; there are {}", word, what, known);
}

}  // namespace

std::string_view to_string(SaeArch arch) {
  return sae_word(kSaeArchs, arch);
}

SaeArch parse_sae_arch(std::string_view word) {
  return sae_value(kSaeArchs, word, "architecture");
}

std::string_view to_string(SaeNormalisation normalisation) {
  return sae_word(kSaeNormalisations, normalisation);
}

SaeNormalisation parse_sae_normalisation(std::string_view word) {
  return sae_value(kSaeNormalisations, word, "normalisation");
}

}  // namespace headscope
