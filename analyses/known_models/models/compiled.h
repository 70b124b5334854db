// The programs behind the compiled models, which tests run directly.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analyses/known_models/rasp.h"

namespace headscope {

struct CompiledProgram {
  std::string name;                   // of its model
  std::vector<std::string> alphabet;  // what prompts are made of
  std::size_t most_words = 0;
  RaspProgram program;
  std::map<std::string, std::string> not_found_by{};  // as KnownTruth has it
};
std::vector<CompiledProgram> compiled_programs();

}  // namespace headscope
