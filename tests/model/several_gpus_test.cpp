// Layers over several GPUs of one host against one GPU.
#include <algorithm>

#include "analyses/attribution/attribution.h"
#include "analyses/sweep/sweep.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/families/placement.h"
#include "lib/generate/generate.h"
#include "lib/tensor/backend.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/gpu.h"
#include "tests/sweep/tasks_of_tokens.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const Device kTwo = {Device::Kind::cuda, 0, 2};

void need_two_gpus() {
  need_gpu();
  try {
    use_backend(kTwo);
  } catch (const ResourceError& error) {
    skip(error.what());
  }
}

struct Pair {
  Model one, two;
};

Pair on_one_and_two(const FixtureModel& fixture) {
  Pair pair{load_model(fixture.path.string(), {.device = cuda()}),
            load_model(fixture.path.string(), {.device = kTwo})};
  const std::int64_t last = pair.two.config().n_layers - 1;
  REQUIRE(pair.two.device(last) == cuda(1));  // else nothing is tested
  return pair;
}

std::vector<std::int32_t> written(const Model& model) {
  Generation generation(model, {});
  generation.join({.prompt = {5, 9, 7, 3}, .stop = {.max_new = 6}});
  generation.join({.prompt = {8, 2, 6, 4, 11, 12}, .stop = {.max_new = 4}});
  while (generation.step()) {
  }
  std::vector<std::int32_t> tokens;
  for (const std::size_t text : {0, 1}) {
    for (const auto& token : generation.text(text).tokens) {
      tokens.push_back(token.token);
    }
  }
  return tokens;
}

std::vector<double> swept(const Model& model, const Task& task, Site site) {
  const OtherRun source(Run::clean);
  const SweepSpec spec{.parts = {{site, site != Site::resid_pre}},
                       .source = &source,
                       .metric = &find_metric("logit_diff")};
  SweepTable table(grid_of(model, task, spec).size(), 4);
  run_sweep(model, task, spec, {.memory = 1 << 30}, table);
  return table.values();
}

std::vector<double> estimated(const Model& model, const Task& task) {
  const OtherRun source(Run::clean);
  const SweepSpec spec{
      .parts = {{Site::z}}, .source = &source, .metric = &find_metric("logit_diff")};
  SweepTable table(grid_of(model, task, spec).size(), 4);
  run_attribution(model, task, spec, {AttributionMethod::atp}, {.memory = 1 << 30}, table);
  return table.values();
}

}  // namespace

TEST_CASE("several GPUs are named by their range") {
  CHECK(parse_device("cuda:1-3") == Device{Device::Kind::cuda, 1, 3});
  CHECK(parse_device("cuda:2-2") == cuda(2));
  CHECK(to_string(parse_device("cuda:0-3")) == "cuda:0-3");
  for (const char* wrong :
       {"cuda:3-1", "cuda:0-", "cuda:-1", "cuda:0-1-2", "cpu:0-1", "cuda:0,1"}) {
    CHECK_THROWS_AS(parse_device(wrong), UsageError);
  }
}

TEST_CASE("layers lie in bands of neighbours, of about as many weights a GPU") {
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    CAPTURE(fixture.name);
    const ModelConfig config = load(fixture).config();
    for (const int count : {1, 2, 3, 7}) {
      const Device device{Device::Kind::cuda, 2, count};
      const std::vector<Device> layers = layer_devices(config, device);
      REQUIRE(layers.size() == static_cast<std::size_t>(config.n_layers));
      for (std::size_t i = 0; i < layers.size(); ++i) {
        CHECK(layers[i].count == (count == 1 ? device.count : 1));
        CHECK(layers[i].index >= (i == 0 ? 2 : layers[i - 1].index));
        CHECK(layers[i].index < 2 + count);
      }
    }
  }
  ModelConfig deep = load(huggingface_fixture("llama")).config();
  deep.n_layers = 40;
  deep.layers.resize(40, deep.layers.front());
  const std::vector<double> elements = elements_by_device(deep, {Device::Kind::cuda, 0, 4});
  const auto [least, most] = std::minmax_element(elements.begin(), elements.end());
  CHECK(*most < 1.2 * *least);
}

TEST_CASE("a model on two GPUs is the one on one: every hook point, what it writes, its sweeps") {
  need_two_gpus();
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    CAPTURE(fixture.name);
    const Pair model = on_one_and_two(fixture);
    const Batch batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}});
    Recorder seen_one{"*"};
    Recorder seen_two{"*"};
    const Tensor one = model.one.forward(batch, seen_one).logits;
    const Tensor two = model.two.forward(batch, seen_two).logits;
    CHECK(identical(one.cpu(), two.cpu()));
    CHECK(identical(one.cpu(), model.two.forward(batch).logits.cpu()));
    for (const std::string& name : seen_one.names()) {
      CAPTURE(name);
      CHECK(identical(seen_one.at(name).cpu(), seen_two.at(name).cpu()));
    }
    if (is_causal(model.one.attention(0)) && !model.one.turns_by_length()) {
      CHECK(written(model.one) == written(model.two));
    }
    const Task task = random_task({.lengths = {9, 10, 12, 12},
                                   .differ_from = {4, 6, 9, 7},
                                   .d_vocab = model.one.config().d_vocab});
    for (const Site site : {Site::z, Site::v, Site::resid_pre}) {
      CAPTURE(short_name(site));
      CHECK(swept(model.one, task, site) == swept(model.two, task, site));
    }
    CHECK(estimated(model.one, task) == estimated(model.two, task));
  }
}

TEST_CASE("edits of layers on either GPU are those of one") {
  need_two_gpus();
  const Pair model = on_one_and_two(huggingface_fixture("llama3_gqa_tied"));
  const Batch batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}});
  const auto run = [&](const Model& of) {
    Edits edits;
    edits.at("blocks.*.attn.hook_z", {.heads = {{1}}, .positions = {{-1}}}).scale(3.0);
    edits.at("blocks.1.attn.hook_pattern", {.heads = {{0}}}).zero();
    return of.forward(batch, edits).logits.cpu();
  };
  CHECK(identical(run(model.one), run(model.two)));
}
