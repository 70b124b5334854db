// Passes that start inside the model give what whole passes give.
#include <algorithm>

#include "hooks/recorder.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

struct ResumeLoaded {
  Model model;
  std::vector<std::vector<std::int32_t>> prompts;
  Batch batch{prompts};
  Tensor logits = model.forward(batch).logits;
};

void for_each_prompt_pair(const std::function<void(const ResumeLoaded&)>& body,
                          const std::vector<FixtureModel>& fixtures = huggingface_fixtures()) {
  for (const FixtureModel& fixture : fixtures) {
    INFO(fixture.name);
    const Tensors expected = read_tensors(fixture.expected);
    body({load(fixture), {prompt(expected, 0), prompt(expected, 1)}});
  }
}

std::string block(std::int64_t layer, const std::string& point) {
  return fmt::format("blocks.{}.{}", layer, point);
}

// Keys, values and residual streams of every layer.
Recorder watch(const ResumeLoaded& it) {
  const bool rotary = it.model.config().positions == Positions::rotary;
  std::vector<std::string> names{rotary ? "blocks.*.attn.hook_rot_k" : "blocks.*.attn.hook_k",
                                 "blocks.*.attn.hook_v",
                                 "blocks.*.hook_resid_pre"};
  Recorder seen(names);
  it.model.forward(it.batch, seen);
  return seen;
}

KvPrefix prefix_of(const ResumeLoaded& it, const Recorder& seen, std::int64_t columns) {
  const bool rotary = it.model.config().positions == Positions::rotary;
  KvPrefix prefix;
  for (std::int64_t layer = 0; layer < it.model.config().n_layers; ++layer) {
    prefix.layers.push_back({seen.at(block(layer, rotary ? "attn.hook_rot_k" : "attn.hook_k")),
                             seen.at(block(layer, "attn.hook_v"))});
  }
  prefix.columns = columns;
  return prefix;
}

}  // namespace

TEST_CASE("stopping at a layer and going on from its residual stream changes nothing") {
  for_each_prompt_pair([](const ResumeLoaded& it) {
    const auto layers = it.model.config().n_layers;
    for (std::int64_t layer = 1; layer <= layers; ++layer) {
      const ForwardResult half = it.model.forward(it.batch, {.to_layer = layer});
      CHECK_FALSE(half.logits.defined());
      const Resume from{.layout = it.batch.layout(), .residual = half.residual, .layer = layer};
      CHECK(identical(it.model.resume(from).logits, it.logits));
    }
  });
}

TEST_CASE("going on after a layer's attention changes nothing") {
  for_each_prompt_pair([](const ResumeLoaded& it) {
    const Resume at_mid{.layout = it.batch.layout(),
                        .residual = it.model.forward(it.batch, {.to_layer = 0}).residual,
                        .at = Resume::At::mid};
    if (it.model.config().block_order == BlockOrder::parallel) {
      CHECK_THROWS_WITH(it.model.resume(at_mid), contains("write to the stream once"));
      return;
    }
    Recorder mid{"blocks.*.hook_resid_mid"};
    it.model.forward(it.batch, mid);
    for (std::int64_t layer = 0; layer < it.model.config().n_layers; ++layer) {
      Resume from = at_mid;
      from.layer = layer;
      from.residual = mid.at(block(layer, "hook_resid_mid"));
      CHECK(identical(it.model.resume(from).logits, it.logits));
    }
  });
}

TEST_CASE("the last columns alone, on kept keys and values, give what the whole prompt gives") {
  for_each_prompt_pair(
      [](const ResumeLoaded& it) {
        const Recorder seen = watch(it);
        const std::int64_t total = it.batch.layout().columns;
        for (const std::int64_t past : {std::int64_t{1}, total - 1, total / 2}) {
          KvPrefix prefix = prefix_of(it, seen, past);
          // Each prompt twice and in another order: rows share what they go on from.
          const std::vector<std::int64_t> order{1, 0, 1};
          prefix.row = at::empty({3}, at::kLong);
          std::copy(order.begin(), order.end(), prefix.row.data_ptr<std::int64_t>());
          BatchLayout layout = it.batch.layout();
          layout.rows = 3;
          layout.past = past;
          layout.columns = total - past;
          layout.pads = {layout.pads[1], layout.pads[0], layout.pads[1]};
          const Tensor stream = seen.at("blocks.1.hook_resid_pre");
          const Tensor rows = stream.narrow(1, past, total - past).index_select(0, prefix.row);
          const Tensor got =
              it.model
                  .resume({.layout = layout, .residual = rows, .layer = 1, .prefix = &prefix},
                          {.logits = Logits::last})
                  .logits;
          CHECK(difference(got, it.logits.select(1, -1).index_select(0, prefix.row)) < 1e-5);
        }
      },
      causal_fixtures());
}

TEST_CASE("a start that cannot be is refused") {
  const ResumeLoaded it{load(huggingface_fixture("llama")), {{5, 6, 7, 8}}};
  const Tensor resid = it.model.forward(it.batch, {.to_layer = 1}).residual;
  Resume from{.layout = it.batch.layout(), .residual = resid, .layer = 1};
  CHECK_THROWS_WITH(it.model.resume(from, {.to_layer = 0}), contains("layers [1, 0)"));
  from.layout.past = 2;
  CHECK_THROWS_WITH(it.model.resume(from),
                    contains("start at 2, but the prefix before them has 0"));
  from.layout.past = 0;
  from.residual = resid.narrow(1, 0, 2);
  CHECK_THROWS_WITH(it.model.resume(from), contains("is not [1, 4,"));
}

TEST_CASE("the last block may run its last column alone, if nobody watches it") {
  for_each_prompt_pair([](const ResumeLoaded& it) {
    const ForwardOptions narrow{.logits = Logits::last, .last_block = LastBlock::last_column};
    const ForwardResult result = it.model.forward(it.batch, narrow);
    CHECK(result.residual.size(1) == 1);
    CHECK(difference(result.logits, it.logits.select(1, -1)) < 1e-5);
    const std::int64_t last = it.model.config().n_layers - 1;
    for (const std::string& name : {block(last, "attn.hook_z"), std::string("unembed.hook_in")}) {
      Recorder seen(std::vector<std::string>{name});
      CHECK_THROWS_WITH(it.model.forward(it.batch, seen, narrow), contains(name + " is watched"));
    }
    Recorder before(std::vector<std::string>{block(last - 1, "attn.hook_pattern")});
    CHECK(identical(it.model.forward(it.batch, before, narrow).logits, result.logits));
    CHECK_THROWS_AS(it.model.forward(it.batch, {.last_block = LastBlock::last_column}), UsageError);
  });
}
