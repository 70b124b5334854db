// Means of values against the values themselves.
#include "hooks/mean_values.h"

#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("a mean over positions leaves padding out, whatever the batches and chunks") {
  for (const std::string family : {"gpt2", "llama", "gemma2"}) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const std::string z = "blocks.1.attn.hook_z";
    std::vector<Tensor> values;
    for (const std::vector<std::int32_t>& prompt :
         {std::vector<std::int32_t>{5, 6, 7, 8, 9, 10}, {11, 12, 13}, {14, 15, 16, 17}}) {
      Recorder seen(std::vector<std::string>{z});
      model.forward(Batch({prompt}), seen);
      values.push_back(seen.at(z)[0]);
    }
    const Tensor want = at::cat(values).to(at::kDouble).mean(0);
    MeanValues mean({Site::z, Site::mlp_out}, MeanValues::Over::positions);
    model.forward(Batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}}), mean, {.chunk = 2});
    model.forward(Batch({{14, 15, 16, 17}}), mean);
    CHECK(difference(mean.mean(Site::z, 1), want) < 1e-5);
    CHECK(mean.mean(Site::mlp_out, 0).sizes().equals({model.config().d_model}));
  }
}

TEST_CASE("a mean over prompts keeps positions, and asks for one length") {
  const Model model = load(huggingface_fixture("llama"));
  Recorder seen{"blocks.0.hook_mlp_out"};
  model.forward(Batch({{5, 6, 7}, {8, 9, 10}}), seen);
  MeanValues mean({Site::mlp_out}, MeanValues::Over::prompts);
  model.forward(Batch({{5, 6, 7}}), mean);
  model.forward(Batch({{8, 9, 10}}), mean);
  const Tensor both = seen.at("blocks.0.hook_mlp_out");
  CHECK(difference(mean.mean(Site::mlp_out, 0), both.to(at::kDouble).mean(0)) < 1e-5);
  CHECK_THROWS_WITH(model.forward(Batch({{5, 6}}), mean), contains("of one length"));
  CHECK_THROWS_WITH(mean.mean(Site::z, 0), contains("no pass showed it"));
  MeanValues maps({Site::pattern}, MeanValues::Over::positions);
  CHECK_THROWS_AS(model.forward(Batch({{5, 6}}), maps), UsageError);
}
