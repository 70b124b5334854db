#include "lib/families/source_names.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {
namespace {

std::vector<std::string> spellings(const std::string& canonical) {
  std::vector<std::string> names{canonical};
  for (const std::string prefix : {"transformer.", "model.", "gpt_neox."}) {
    if (canonical.starts_with(prefix)) {
      names.push_back(canonical.substr(prefix.size()));
    }
  }
  names.push_back("language_model." + canonical);
  if (canonical.starts_with("model.")) {
    names.push_back("model.language_model." + canonical.substr(6));
  }
  return names;
}

bool is_ignored(const std::string& name, const WeightRules& rules) {
  return std::any_of(rules.ignored.begin(),
                     rules.ignored.end(),
                     [&](const std::string& suffix) { return name.ends_with(suffix); }) ||
         std::any_of(rules.ignored_prefixes.begin(),
                     rules.ignored_prefixes.end(),
                     [&](const std::string& prefix) { return name.starts_with(prefix); });
}

}  // namespace

const StoredTensor& SourceNames::find(const std::string& canonical, int layer) const {
  std::string name = canonical;
  if (const auto at = name.find("{l}"); at != std::string::npos) {
    name.replace(at, 3, std::to_string(layer));
  }
  for (const std::string& spelling : spellings(name)) {
    if (const StoredTensor* tensor = source_.find(spelling)) {
      return *tensor;
    }
  }
  throw DataError(
      "{}: tensor {} is missing, though the config calls for it; is the download whole?",
      source_.files().front().string(),
      name);
}

void SourceNames::refuse_unused(const std::set<std::string>& used, const WeightRules& rules) const {
  for (const StoredTensor& tensor : source_.tensors()) {
    if (!used.contains(tensor.name) && !is_ignored(tensor.name, rules)) {
      throw DataError(
          "{}: tensor {} is none the config calls for; running without it could be "
          "silently wrong",
          source_.files().front().string(),
          tensor.name);
    }
  }
}

}  // namespace headscope
