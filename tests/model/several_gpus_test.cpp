// Layers over several GPUs of one host against one GPU; where there is one alone, over it and the
// CPU.
#include <algorithm>
#include <cmath>

#include "analyses/attribution/attribution.h"
#include "analyses/logit_attribution/logit_attribution.h"
#include "analyses/sweep/sweep.h"
#include "hooks/edits.h"
#include "hooks/recorder.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/families/parameters.h"
#include "lib/families/placement.h"
#include "lib/generate/generate.h"
#include "lib/model/model_parts.h"
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

// The later half of the layers on the CPU.
Model with_layers_on_cpu(const Model& model) {
  Model::Parts parts = parts_of(model);
  for (std::size_t layer = parts.layer_devices.size() / 2; layer < parts.layer_devices.size();
       ++layer) {
    Weights alone;
    alone.blocks.push_back(parts.weights.blocks[layer]);
    for_each_tensor(alone, [](Tensor& tensor) { tensor = tensor.cpu(); });
    parts.weights.blocks[layer] = alone.blocks.front();
    parts.layer_devices[layer] = {};
  }
  return Model(std::move(parts));
}

// A model on one GPU and the same on several devices, whose values differ by `margin` at most.
struct Pair {
  Model one, many;
  double margin = 0.0;
};

Pair on_one_and_two(const FixtureModel& fixture) {
  Pair pair{load_model(fixture.path.string(), {.device = cuda()}),
            load_model(fixture.path.string(), {.device = kTwo})};
  const std::int64_t last = pair.many.config().n_layers - 1;
  REQUIRE(pair.many.device(last) == cuda(1));  // else nothing is tested
  return pair;
}

Pair on_gpu_and_cpu(const FixtureModel& fixture) {
  const Model gpu = load_model(fixture.path.string(), {.device = cuda()});
  return {gpu, with_layers_on_cpu(gpu), 1e-3};
}

void check_near(const Tensor& one, const Tensor& many, double margin) {
  if (margin == 0.0) {
    CHECK(identical(one.cpu(), many.cpu()));
  } else if (one.is_floating_point()) {
    CHECK(difference(many.cpu(), one.cpu()) < margin);
  }
}

void check_near(const std::vector<double>& one, const std::vector<double>& many, double margin) {
  REQUIRE(one.size() == many.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    const bool both_undefined = std::isnan(one[i]) && std::isnan(many[i]);
    CHECK((both_undefined || many[i] == Approx(one[i]).margin(margin)));
  }
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

void check_hook_points(const Pair& model) {
  const Batch batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}});
  Recorder seen_one{"*"};
  Recorder seen_many{"*"};
  const Tensor logits = model.one.forward(batch, seen_one).logits;
  check_near(logits, model.many.forward(batch, seen_many).logits, model.margin);
  check_near(logits, model.many.forward(batch).logits, model.margin);
  for (const std::string& name : seen_one.names()) {
    CAPTURE(name);
    for (const std::int64_t prompt : {0, 1}) {  // of columns of padding nothing is promised
      const Recorder::Index index{.prompt = prompt};
      check_near(seen_one.at(name, index), seen_many.at(name, index), model.margin);
    }
  }
}

void check_analyses(const Pair& model) {
  const ModelConfig& config = model.one.config();
  const Task task = random_task(
      {.lengths = {9, 10, 12, 12}, .differ_from = {4, 6, 9, 7}, .d_vocab = config.d_vocab});
  for (const Site site : {Site::z, Site::v, Site::pattern, Site::resid_pre}) {
    CAPTURE(short_name(site));
    check_near(swept(model.one, task, site), swept(model.many, task, site), model.margin);
  }
  check_near(estimated(model.one, task), estimated(model.many, task), model.margin);
  if (why_no_sum(config).empty()) {
    check_near(attribute_logits(model.one, task.items, {})->shares,
               attribute_logits(model.many, task.items, {})->shares,
               model.margin);
  }
}

// Every hook point, what the model writes, its sweeps and gradients.
void check_same(const Pair& model) {
  check_hook_points(model);
  if (is_causal(model.one.attention(0)) && !model.one.turns_by_length()) {
    CHECK(written(model.one) == written(model.many));
  }
  check_analyses(model);
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
    check_same(on_one_and_two(fixture));
  }
}

TEST_CASE("a model whose layers lie on a GPU and the CPU is the one on the GPU") {
  need_gpu();
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    CAPTURE(fixture.name);
    check_same(on_gpu_and_cpu(fixture));
  }
}

TEST_CASE("edits of layers on either device are those of one") {
  need_gpu();
  const Pair model = on_gpu_and_cpu(huggingface_fixture("llama3_gqa_tied"));
  const Batch batch({{5, 6, 7, 8, 9, 10}, {11, 12, 13}});
  const auto run = [&](const Model& of) {
    Edits edits;
    edits.at("blocks.*.attn.hook_z", {.heads = {{1}}, .positions = {{-1}}}).scale(3.0);
    edits.at("blocks.1.attn.hook_pattern", {.heads = {{0}}}).zero();
    return of.forward(batch, edits).logits;
  };
  check_near(run(model.one).narrow(1, 3, 3), run(model.many).narrow(1, 3, 3), model.margin);
}
