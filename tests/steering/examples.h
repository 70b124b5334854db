// Files of examples for tests of steering, and the tiny model they are for.
#pragma once

#include <fstream>
#include <string>

#include "analyses/head_detectors/atlas.h"
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

// An atlas of a model of three layers of four heads, some of which are induction heads.
inline void write_roles(const Model& model,
                        const std::filesystem::path& path,
                        const std::string& hash) {
  Detection role;
  role.detector.name = "induction";
  role.detector.threshold = 0.5;
  const HeadGrid grid{model.config().n_layers, model.config().n_heads};
  role.score = {grid, {0.1, 0.9, 0.2, 0.0, 0.6, 0.1, 0.1, 0.7, 0.0, 0.0, 0.3, 0.4}};
  role.low = role.high = role.score;
  write_atlas({.provenance = {{"weights_hash", hash}},
               .n_layers = grid.n_layers,
               .n_heads = grid.n_heads,
               .n_kv_heads = model.config().n_kv_heads,
               .detections = {role}},
              path);
}

}  // namespace headscope::test
