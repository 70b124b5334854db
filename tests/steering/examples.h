// Files of examples for tests of steering, and the tiny model they are for.
#pragma once

#include <fstream>
#include <string>

#include "analyses/steering/steer_data.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

namespace headscope::test {

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Twelve prompts of other lengths; after a "b" comes one letter, after others two tokens.
inline std::string pair_lines(const std::string& positive = " c",
                              const std::string& negative = " d") {
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    lines += "{\"prompt\": \"" + std::string(static_cast<std::size_t>(1 + i % 4), 'a') + " b" +
             std::to_string(i) + "\", \"positive\": \"" + positive + "\", \"negative\": \"" +
             negative + "\"}\n";
  }
  return lines;
}

inline SteerData data_of(const std::string& lines, const Model& model, const TempFolder& folder) {
  write_text(folder.file("data.jsonl"), lines);
  return read_steer_data(folder.file("data.jsonl"), model, PrependBos::automatic);
}

}  // namespace headscope::test
