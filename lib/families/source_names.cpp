#include "lib/families/source_names.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr std::string_view kWrappers[] = {"_orig_mod.", "module."};

// `name` without `wrapper`, wherever in it: torch.compile of an inner module leaves its own there.
std::string without(std::string name, std::string_view wrapper) {
  for (std::size_t at = 0; (at = name.find(wrapper, at)) != std::string::npos;) {
    name.erase(at, wrapper.size());
  }
  return name;
}

std::vector<std::string> spellings(const std::string& canonical) {
  std::vector<std::string> names{canonical};
  for (const std::string prefix : {"transformer.", "model.", "gpt_neox."}) {
    if (canonical.starts_with(prefix)) {
      names.push_back(canonical.substr(prefix.size()));
    }
  }
  // TensorFlow's names of a norm, which BERT's first checkpoints kept.
  for (const auto& [ours, theirs] :
       {std::pair{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}}) {
    if (canonical.ends_with(ours)) {
      names.push_back(canonical.substr(0, canonical.size() - std::string(ours).size()) + theirs);
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

SourceNames::SourceNames(const WeightSource& source) : source_(source) {
  for (std::string_view found = "?"; !found.empty();) {  // one wrapper may hold another
    found = {};
    for (const std::string_view wrapper : kWrappers) {
      const std::string longer = wrapper_ + std::string(wrapper);
      const auto begins = [&](const StoredTensor& tensor) {
        return tensor.name.starts_with(longer);
      };
      if (!source.tensors().empty() &&
          std::all_of(source.tensors().begin(), source.tensors().end(), begins)) {
        found = wrapper;
      }
    }
    wrapper_ += found;
  }
}

std::string source_name(const std::string& canonical, int layer) {
  std::string name = canonical;
  if (const auto at = name.find("{l}"); at != std::string::npos) {
    name.replace(at, 3, std::to_string(layer));
  }
  return name;
}

const StoredTensor& SourceNames::find(const std::string& canonical, int layer) const {
  const std::string name = source_name(canonical, layer);
  if (const StoredTensor* tensor = find_if_stored(name)) {
    return *tensor;
  }
  fail_missing(name);
}

const StoredTensor* SourceNames::find_if_stored(const std::string& name) const {
  for (const std::string& spelling : spellings(name)) {
    if (const StoredTensor* tensor = source_.find(wrapper_ + spelling)) {
      return tensor;
    }
  }
  return nullptr;
}

std::string SourceNames::unwrapped(const std::string& name) const {
  return name.substr(wrapper_.size());
}

void SourceNames::fail_missing(const std::string& name) const {
  const std::string file = source_.files().front().string();
  for (const StoredTensor& tensor : source_.tensors()) {
    for (const std::string_view wrapper : kWrappers) {
      if (tensor.name.size() > wrapper_.size() + name.size() &&
          tensor.name.find(wrapper) != std::string::npos &&
          without(tensor.name, wrapper).ends_with(name)) {
        throw DataError(
            "{}: tensor {} is missing, but {} is there: training code left \"{}\" in some names; "
            "save the model without its wrapper",
            file,
            name,
            tensor.name,
            wrapper);
      }
    }
  }
  for (const StoredTensor& tensor : source_.tensors()) {
    if (tensor.name.ends_with("." + name)) {
      throw DataError(
          "{}: tensor {} is missing, but {} is there: \"{}\" before a name is none of the prefixes "
          "headscope knows; save the model without it",
          file,
          name,
          tensor.name,
          tensor.name.substr(0, tensor.name.size() - name.size()));
    }
  }
  throw DataError(
      "{}: tensor {} is missing, though the config calls for it; is the download whole?",
      file,
      name);
}

void SourceNames::refuse_unused(const std::set<std::string>& used, const WeightRules& rules) const {
  for (const StoredTensor& tensor : source_.tensors()) {
    if (!used.contains(tensor.name) && !is_ignored(unwrapped(tensor.name), rules)) {
      throw DataError(
          "{}: tensor {} is none the config calls for; running without it could be "
          "silently wrong",
          source_.files().front().string(),
          tensor.name);
    }
  }
}

}  // namespace headscope
