#include "analyses/known_models/models/induction.h"

#include "lib/base/random.h"

namespace headscope {

const std::vector<std::string> kInductionLetters{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};

std::vector<KnownItem> induction_items() {
  constexpr int kItems = 24;
  Random random(0, "induction");
  std::vector<KnownItem> list;
  for (int n = 0; n < kItems; ++n) {
    const std::vector<std::string> w = random.sample(kInductionLetters, 7);
    const std::vector<std::string> clean{w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[1]};
    std::vector<std::string> corrupted = clean;
    const char* kind = "query";
    if (n % 3 == 0) {
      corrupted[7] = w[4];
    } else if (n % 3 == 1) {
      kind = "keys";
      std::swap(corrupted[1], corrupted[4]);
    } else {
      kind = "values";
      std::swap(corrupted[2], corrupted[5]);
    }
    list.push_back({clean, corrupted, w[2], w[5], kind});
  }
  return list;
}

KnownTruth induction_truth(const std::string& head) {
  return {.edges = {"input->a0.h0<v>",
                    "input->" + head + "<q>",
                    "input->" + head + "<v>",
                    "a0.h0->" + head + "<k>",
                    head + "->logits"},
          .constant_edges = {"input->a0.h0<q>", "input->a0.h0<k>"},
          .not_found_by = {}};
}

}  // namespace headscope
