// Two padded prompts, and what interventions make of their patterns.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

namespace headscope::test {

inline const std::vector<std::string> kOpFamilies{
    "gpt2", "llama_linear_mqa", "gemma2", "qwen3_window"};
inline constexpr const char* kOpScores = "blocks.1.attn.hook_attn_scores";
inline constexpr const char* kOpPattern = "blocks.1.attn.hook_pattern";

inline std::vector<Intervention> ops_of(const std::string& list) {
  return interventions_from_json(Json::parse(R"({"version": 1, "edits": )" + list + "}"), "e.json");
}

// Prompts of 6 and 4 tokens: two columns of padding.
inline Batch padded_pair() {
  return Batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13, 14}});
}
inline constexpr std::int64_t kOpPads[] = {0, 2};

struct Changed {
  Tensor before, after;
};

inline Changed pattern_with(const Model& model, const std::string& list) {
  Recorder before{kOpPattern};
  model.forward(padded_pair(), before);
  Recorder after{kOpPattern};
  Edits edits(ops_of(list));
  model.forward(padded_pair(), edits | after);
  return {before.at(kOpPattern), after.at(kOpPattern)};
}

using Row = std::vector<double>;
inline Row row_of(const Tensor& pattern, std::int64_t b, std::int64_t head, std::int64_t query) {
  Row out;
  const Tensor row = pattern[b][head][query].to(at::kDouble).contiguous();
  out.assign(row.const_data_ptr<double>(), row.const_data_ptr<double>() + row.numel());
  return out;
}

// Each query's weights through `f(row, head, position, weights by column)`; padding is left alone.
template <typename Function>
void check_patterns(const Changed& values, const Function& f) {
  for (std::int64_t b = 0; b < 2; ++b) {
    for (std::int64_t head = 0; head < values.before.size(1); ++head) {
      for (std::int64_t query = kOpPads[b]; query < 6; ++query) {
        CAPTURE(b, head, query);
        const Row want = f(b, head, query - kOpPads[b], row_of(values.before, b, head, query));
        const Row got = row_of(values.after, b, head, query);
        for (std::size_t key = 0; key < want.size(); ++key) {
          CHECK(std::abs(got[key] - want[key]) < 2e-6);
        }
      }
    }
  }
}

inline Row normalised(Row weights) {
  double sum = 0;
  for (const double each : weights) {
    sum += each;
  }
  for (double& each : weights) {
    each /= sum;
  }
  return weights;
}

}  // namespace headscope::test
