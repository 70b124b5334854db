// A few prompts, what interventions make of a value of theirs, and the same change in a plain loop.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/recorder.h"
#include "hooks/standing_interventions.h"
#include "hooks/tap_list.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

namespace headscope::test {

inline const std::vector<std::string> kChangedFamilies{
    "gpt2", "llama", "llama_linear_mqa", "gemma2", "gpt_neox", "qwen3"};

inline std::vector<Intervention> listed_interventions(const std::string& list) {
  return interventions_from_json(Json::parse(R"({"version": 1, "interventions": )" + list + "}"),
                                 "edits.json");
}

// Prompts of 6, 3 and 5 tokens: padding of 0, 3 and 1 columns.
inline Batch three_prompts() {
  return Batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}, {14, 15, 16, 17, 18}});
}
inline constexpr std::int64_t kPads[] = {0, 3, 1};

struct BeforeAndAfter {
  Tensor before;  // the value with the passes before it unchanged
  Tensor after;
};

// The first point of a pass that changes shows both.
inline BeforeAndAfter value_at(const Model& model,
                               const std::string& point,
                               const std::string& list) {
  Recorder before(std::vector<std::string>{point});
  model.forward(three_prompts(), before);
  Recorder after(std::vector<std::string>{point});
  Edits edits(listed_interventions(list));
  model.forward(three_prompts(), edits | after);
  return {before.at(point), after.at(point)};
}

// Each element of `before` through `f(row, column, head, i)`; must equal `after` bit for bit.
template <typename Function>
void check_elements(const BeforeAndAfter& values, const Function& f) {
  const Tensor want = values.before.clone();
  for (std::int64_t row = 0; row < want.size(0); ++row) {
    for (std::int64_t column = 0; column < want.size(1); ++column) {
      for (std::int64_t head = 0; head < want.size(2); ++head) {
        for (std::int64_t i = 0; i < want.size(3); ++i) {
          const Tensor one = want[row][column][head][i];
          one.fill_(f(row, column - kPads[row], head, i, one.item<float>()));
        }
      }
    }
  }
  CHECK(identical(values.after, want));
}

inline void write_json(const std::filesystem::path& path, const std::string& list) {
  std::ofstream(path) << R"({"version": 1, "interventions": )" << list << "}";
}

inline Model changed_by(const Model& model, const TempFolder& folder, const std::string& list) {
  write_json(folder.file("edits.json"), list);
  return intervened(model, folder.file("edits.json"));
}

}  // namespace headscope::test
