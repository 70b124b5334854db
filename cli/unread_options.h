// Options that were given where nothing would read them: an error, never silence.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace headscope {

// For a verb that does several things. Throws UsageError "MODE does not read --NAME; …" for an
// option or a positional that was given and is not in `reads` (names without dashes). The common
// options
// (--json, --seed, …) are every verb's.
void refuse_unread(const CLI::App& app,
                   const std::string& mode,
                   const std::vector<std::string>& reads);

// Throws UsageError "--NAME means nothing without WHAT" for the first of `names` that was given.
void refuse_without(const CLI::App& app,
                    const std::vector<std::string>& names,
                    const std::string& what);

// Whether the user gave it.
bool was_given(const CLI::App& app, const std::string& name);

}  // namespace headscope
