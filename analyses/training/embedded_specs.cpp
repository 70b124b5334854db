// data/train, compiled into the program.
#include <array>

#include <fmt/ranges.h>

#include "analyses/training/train_spec.h"
#include "lib/base/embed.h"
#include "lib/base/error.h"
#include "lib/base/suggest.h"

HEADSCOPE_EMBED(spec_induction, HEADSCOPE_TRAINING_DATA "/induction.json")
HEADSCOPE_EMBED(spec_induction_tiny, HEADSCOPE_TRAINING_DATA "/induction_tiny.json")
HEADSCOPE_EMBED(spec_modular_addition, HEADSCOPE_TRAINING_DATA "/modular_addition.json")
HEADSCOPE_EMBED(spec_backcopy, HEADSCOPE_TRAINING_DATA "/bigram_backcopy.json")
HEADSCOPE_EMBED(spec_backcopy_relu, HEADSCOPE_TRAINING_DATA "/bigram_backcopy_relu.json")
HEADSCOPE_EMBED(spec_backcopy_deep, HEADSCOPE_TRAINING_DATA "/bigram_backcopy_deep.json")
HEADSCOPE_EMBED(spec_backcopy_sgd, HEADSCOPE_TRAINING_DATA "/bigram_backcopy_deep_sgd.json")
HEADSCOPE_EMBED(spec_mqar, HEADSCOPE_TRAINING_DATA "/mqar.json")
HEADSCOPE_EMBED(spec_mqar_all, HEADSCOPE_TRAINING_DATA "/mqar_all.json")

namespace headscope {
namespace {

struct EmbeddedSpec {
  const char* name;
  std::string_view (*text)();
};

constexpr std::array kEmbeddedSpecs{EmbeddedSpec{"induction", spec_induction},
                                    EmbeddedSpec{"induction_tiny", spec_induction_tiny},
                                    EmbeddedSpec{"modular_addition", spec_modular_addition},
                                    EmbeddedSpec{"bigram_backcopy", spec_backcopy},
                                    EmbeddedSpec{"bigram_backcopy_relu", spec_backcopy_relu},
                                    EmbeddedSpec{"bigram_backcopy_deep", spec_backcopy_deep},
                                    EmbeddedSpec{"bigram_backcopy_deep_sgd", spec_backcopy_sgd},
                                    EmbeddedSpec{"mqar", spec_mqar},
                                    EmbeddedSpec{"mqar_all", spec_mqar_all}};

}  // namespace

std::vector<std::string> own_train_specs() {
  std::vector<std::string> names;
  for (const EmbeddedSpec& spec : kEmbeddedSpecs) {
    names.emplace_back(spec.name);
  }
  return names;
}

Json own_train_spec(const std::string& name) {
  for (const EmbeddedSpec& spec : kEmbeddedSpecs) {
    if (name == spec.name) {
      return parse_json(spec.text(), "data/train/" + name + ".json");
    }
  }
  const std::vector<std::string> names = own_train_specs();
  throw UsageError("{}: neither a file nor a spec of the program's own{}; there are {}",
                   name,
                   did_you_mean(name, names),
                   fmt::join(names, ", "));
}

}  // namespace headscope
