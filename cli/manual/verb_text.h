// What a verb's options are, in words: read off what it binds, so that --help, manual pages and
// shell completion say the same.
#pragma once

#include <string>
#include <vector>

namespace headscope {

struct OptionText {
  std::vector<std::string> names;    // "-o", "--output"; of an operand its one name, "MODEL"
  std::string value;                 // what it takes: "FLOAT", "FILE"; empty: nothing
  std::vector<std::string> choices;  // where only these values are taken
  std::string fallback;              // what it is where it is not given; empty: not shown
  std::string description;
};

struct VerbText {
  std::string name;     // "patch", "sae train"
  std::string summary;  // one line
  std::string example;  // command lines, two spaces before each
  std::vector<OptionText> operands;
  std::vector<OptionText> options;
};

// Every verb, in the order of --help.
std::vector<VerbText> describe_verbs();

}  // namespace headscope
