// What an option takes, in words: for --help, manual pages and shell completion alike.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class Formatter;
class Option;
}  // namespace CLI

namespace headscope {

// The values of an option that takes only these; else empty.
std::vector<std::string> option_choices(const CLI::Option& option);

// "FILE", "TEXT", "NUMBER", "clean|corrupted"; empty for an option that takes no value.
std::string option_value(const CLI::Option& option);

// "0 to 4096; default 0", "required; not with --prompt": all that is to be said beside it.
std::string option_notes(const CLI::Option& option);

// Writes --help so: "--threads NUMBER (0 to 4096; default 0)".
std::shared_ptr<CLI::Formatter> help_format();

}  // namespace headscope
