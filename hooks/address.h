// Hook points by name: exact, by a TransformerBridge alias, or by a glob.
#pragma once

#include <string>
#include <vector>

#include "lib/model/site.h"

namespace headscope {

// The points of the model that `pattern` names, in forward order. `*` and `?` match within and
// across dots, `{3,5}` lists alternatives. Throws UsageError if it names none: the nearest valid
// names, or, for a point that other models have or a layer beyond the last, what is the matter.
std::vector<HookPoint> resolve_hooks(const std::string& pattern, const ModelConfig& config);

// The union of several patterns, in forward order, each point once.
std::vector<HookPoint> resolve_hooks(const std::vector<std::string>& patterns,
                                     const ModelConfig& config);

// Every name of a point: its own first, then its aliases.
std::vector<std::string> names_of(HookPoint point);

// The same of a point by its own name, without a model at hand; of any other text, just the text.
std::vector<std::string> names_of(const std::string& name);

// "a{b,c}d" → {"abd", "acd"}. UsageError for a brace without its other half.
std::vector<std::string> expand_braces(const std::string& glob);

// True if `text` is what the glob describes.
bool glob_matches(const std::string& glob, const std::string& text);

}  // namespace headscope
