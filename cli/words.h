// The words of a command, told apart before CLI11 reads them.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace headscope {

// The words that follow a verb, so written that CLI11 takes every value for what it is:
// `--opt=text` becomes the two words `--opt` and `text` (the second may be empty), and a word
// behind an option that needs a value is its value even if it begins with dashes. Throws UsageError
// for an option that `verb` does not have, for an empty number, one that is negative where it
// counts from 0 or too large for 64 bits, and for a second hook point behind one, which is what a
// shell makes of unquoted braces.
std::vector<std::string> words_of(const CLI::App& verb, const std::vector<std::string>& typed);

// Throws UsageError naming an option or operand of the parsed `verb` that was given an empty value,
// as `--memory "$LIMIT"` does where the shell has no LIMIT: it must not run as if nothing had been
// said. Texts (--prompt, --system, --stop) may be empty.
void refuse_empty_values(const CLI::App& verb);

}  // namespace headscope
