// Training from scratch: it learns, it repeats itself, a killed run ends as one never stopped, and
// what it makes is a model in which other analyses find the circuit.
#include <algorithm>
#include <cmath>
#include <fstream>

#include <signal.h>
#include <unistd.h>

#include "analyses/head_detectors/detect.h"
#include "analyses/head_detectors/detectors.h"
#include "analyses/training/backcopy_chain.h"
#include "analyses/training/train_run.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/fixture.h"
#include "tests/support/one_thread.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Json tiny_spec() {
  return {{"format", "headscope-train"},
          {"version", 1},
          {"name", "tiny"},
          {"task", {{"name", "mqar"}, {"length", 16}, {"pairs", 2}, {"keys", 4}}},
          {"model",
           {{"n_layers", 2},
            {"d_model", 16},
            {"n_heads", 2},
            {"d_head", 8},
            {"attn_only", true},
            {"normalization_type", "LN"}}},
          {"optimizer", {{"name", "adamw"}, {"lr", 0.01}, {"warmup", 3}, {"decay", "linear"}}},
          {"steps", 30},
          {"batch", 16},
          {"log_every", 4},
          {"clip", 1.0},
          {"checkpoints", {0, 10}}};
}

TrainSpec spec_of(const Json& json) {
  return read_train_spec(json, "spec.json");
}

TrainResult train_into(const std::filesystem::path& folder, const TrainSpec& spec) {
  return train_model({.spec = &spec, .folder = folder, .device = {}});
}

}  // namespace

TEST_CASE("a spec is read whole or refused with the field") {
  const auto changed = [](const char* pointer, const Json& value) {
    Json json = tiny_spec();
    json[Json::json_pointer(pointer)] = value;
    return json;
  };
  const auto refuses = [](const Json& json, const std::string& word) {
    INFO(word);
    CHECK_THROWS_AS(spec_of(json), DataError);
    CHECK_THROWS_WITH(spec_of(json), contains(word));
    CHECK_THROWS_WITH(spec_of(json), contains("spec.json"));
  };
  CHECK(spec_of(tiny_spec()).model.d_vocab == 10);
  CHECK(spec_of(tiny_spec()).model.n_ctx == 17);
  refuses(changed("/learning_rate", 1), "learning_rate");
  refuses(changed("/task/name", "mqra"), "mqar");
  refuses(changed("/task/pair", 3), "pair");
  refuses(changed("/task/pairs", 5), "pairs");
  refuses(changed("/model/d_vocab", 5), "d_vocab");
  refuses(changed("/model/n_head", 5), "n_head");
  refuses(changed("/model/n_ctx", 5), "n_ctx");
  refuses(changed("/optimizer/name", "adam2"), "adamw");
  refuses(changed("/optimizer/momentum", 0.9), "momentum");
  refuses(changed("/optimizer/decay", "exp"), "decay");
  refuses(changed("/optimizer/warmup", 31), "warmup");
  refuses(changed("/optimizer/lr", "fast"), "lr");
  refuses(changed("/steps", 0), "steps");
  refuses(changed("/batch", 0), "batch");
  refuses(changed("/checkpoints", {31}), "checkpoints");
  refuses(changed("/frozen", {"attn.W_X"}), "attn.W_Q");
  refuses(changed("/version", 2), "version");
  Json without = tiny_spec();
  without.erase("steps");
  refuses(without, "steps");
}

TEST_CASE("every spec of the program's own can be read, and every task makes rows as it says") {
  for (const std::string& name : own_train_specs()) {
    CAPTURE(name);
    const TrainSpec spec = read_train_spec(own_train_spec(name), name);
    CHECK(spec.name == name);
    Random random(3, "rows");
    const TrainRows rows = spec.data->draw(random, 5);
    REQUIRE(rows.rows == 5);
    const auto size = static_cast<std::size_t>(5 * spec.data->length());
    REQUIRE(rows.tokens.size() == size);
    REQUIRE(rows.labels.size() == size);
    REQUIRE(rows.groups.size() == size);
    const auto words = static_cast<std::int32_t>(spec.data->words().size());
    const auto groups = static_cast<std::int32_t>(spec.data->groups().size());
    for (std::size_t i = 0; i < size; ++i) {
      CHECK((rows.tokens[i] >= 0 && rows.tokens[i] < words));
      CHECK((rows.labels[i] >= -1 && rows.labels[i] < words));
      CHECK((rows.groups[i] >= 0 && rows.groups[i] < groups));
    }
  }
  CHECK_THROWS_WITH(own_train_spec("inductoin"), contains("induction"));
}

TEST_CASE("every recall label of mqar is the value that followed the key before") {
  const TrainSpec spec = read_train_spec(own_train_spec("mqar"), "mqar");
  Random random(5, "rows");
  const TrainRows rows = spec.data->draw(random, 20);
  const std::int64_t length = spec.data->length();
  for (std::int64_t r = 0; r < 20; ++r) {
    int asked = 0;
    for (std::int64_t t = 0; t < length; ++t) {
      const auto i = static_cast<std::size_t>(r * length + t);
      if (rows.labels[i] < 0 || rows.groups[i] != 0) {
        continue;
      }
      ++asked;
      bool found = false;
      for (std::int64_t s = 1; s < t; s += 2) {
        const auto j = static_cast<std::size_t>(r * length + s);
        found = found || (rows.tokens[j] == rows.tokens[i] && rows.tokens[j + 1] == rows.labels[i]);
      }
      CHECK(found);
    }
    CHECK(asked == 8);
  }
}

TEST_CASE("a backcopy chain repeats what came before a trigger and is a bigram elsewhere") {
  const BackcopyChain chain = backcopy_chain(30, 3);
  REQUIRE(chain.words.size() == 31);
  CHECK(chain.words[1] == "␣");
  for (const std::vector<double>& row : chain.transitions) {
    double total = 0.0;
    for (const double p : row) {
      total += p;
    }
    CHECK(std::abs(total - 1.0) < 1e-9);
    CHECK(row[0] == 0.0);
  }
  const TrainSpec spec = read_train_spec(own_train_spec("bigram_backcopy"), "backcopy");
  Random random(5, "rows");
  const TrainRows rows = spec.data->draw(random, 8);
  int copies = 0;
  for (std::size_t i = 0; i < rows.tokens.size(); ++i) {
    const bool trigger = rows.tokens[i] >= 1 && rows.tokens[i] <= 3;
    CHECK(rows.groups[i] == (trigger ? 1 : 0));
    if (trigger) {
      ++copies;
      CHECK(rows.labels[i] == rows.tokens[i - 1]);
    }
  }
  CHECK(copies > 10);
}

TEST_CASE("training killed by SIGKILL goes on to the weights and the log of one never stopped") {
  const OneThread one;
  const TempFolder folder;
  const TrainSpec spec = spec_of(tiny_spec());
  train_into(folder.file("whole"), spec);
  TrainRun run{.spec = &spec, .folder = folder.file("killed"), .device = {}, .save_every = 7};
  TrainRun dying = run;
  dying.progress = [](std::int64_t done, std::int64_t) {
    if (done == 19) {
      ::kill(::getpid(), SIGKILL);
    }
  };
  CHECK(in_child([&] {
          train_model(dying);
          return 0;
        }) == 200 + SIGKILL);
  CHECK_THROWS_AS(train_model(run), UsageError);  // neither --resume nor --overwrite
  run.if_exists = IfExists::resume;
  const TrainResult result = train_model(run);
  CHECK(result.resumed_at == 14);
  CHECK(result.steps == 30);
  for (const char* file : {"model.safetensors",
                           "config.json",
                           "log.jsonl",
                           "checkpoints/step-00000010/model.safetensors"}) {
    CAPTURE(file);
    CHECK(file_bytes(folder.file("whole") / file) == file_bytes(folder.file("killed") / file));
    CHECK_FALSE(file_bytes(folder.file("whole") / file).empty());
  }
  CHECK_FALSE(std::filesystem::exists(run.folder / "state.safetensors"));
  CHECK(train_model(run).resumed_at == 30);  // all is done
  CHECK(read_train_log(run.folder).size() == result.log.size());
  Json other = tiny_spec();
  other["optimizer"]["lr"] = 0.02;
  const TrainSpec other_spec = spec_of(other);
  run.spec = &other_spec;
  CHECK_THROWS_AS(train_model(run), UsageError);
}

TEST_CASE("a folder with another model is left alone") {
  const OneThread one;
  const TempFolder folder;
  const TrainSpec spec = spec_of(tiny_spec());
  std::filesystem::create_directories(folder.file("a"));
  std::ofstream(folder.file("a") / "model.safetensors") << "somebody's";
  for (const IfExists mode : {IfExists::fail, IfExists::replace, IfExists::resume}) {
    const TrainRun run{.spec = &spec, .folder = folder.file("a"), .device = {}, .if_exists = mode};
    CHECK_THROWS_AS(train_model(run), UsageError);
  }
  CHECK(file_bytes(folder.file("a") / "model.safetensors").size() == 10);
}

TEST_CASE("a loss that is not finite is one clear error") {
  const OneThread one;
  const TempFolder folder;
  Json json = tiny_spec();
  json.erase("clip");
  json["optimizer"] = {{"name", "sgd"}, {"lr", 1000.0}, {"momentum", 0.9}};
  json["model"]["normalization_type"] = nullptr;
  CHECK_THROWS_WITH(train_into(folder.file("a"), spec_of(json)), contains("\"lr\""));
}

TEST_CASE("frozen parameters stay as drawn, under weight decay and momentum too") {
  const OneThread one;
  Json json = tiny_spec();
  json["frozen"] = {"W_E", "attn.W_Q", "attn.W_K"};
  json["optimizer"]["weight_decay"] = 0.1;
  const TrainSpec spec = spec_of(json);
  ModelTrainer trainer(spec, {});
  const Model before = trainer.model();
  for (int i = 0; i < 3; ++i) {
    trainer.step(ModelTrainer::Tell::loss);
  }
  const Model after = trainer.model();
  CHECK(difference(before.weights().W_E, after.weights().W_E) == 0.0);
  for (int layer = 0; layer < 2; ++layer) {
    CHECK(difference(before.W_Q(layer), after.W_Q(layer)) == 0.0);
    CHECK(difference(before.W_K(layer), after.W_K(layer)) == 0.0);
    CHECK(difference(before.W_V(layer), after.W_V(layer)) > 0.0);
  }
}

TEST_CASE("the rate warms up and decays as the spec says") {
  Json json = tiny_spec();
  TrainSpec spec = spec_of(json);
  CHECK(std::abs(rate_factor(spec, 0) - 1.0 / 3) < 1e-12);
  CHECK(rate_factor(spec, 2) == 1.0);
  CHECK(rate_factor(spec, 3) == 1.0);
  CHECK(std::abs(rate_factor(spec, 29) - 1.0 / 27) < 1e-12);
  spec.decay = RateDecay::cosine;
  CHECK(std::abs(rate_factor(spec, 3 + 9) - 0.75) < 1e-12);
}

TEST_CASE("optimisers step as their formulas say") {
  const Tensor p = at::full({1}, 2.0, at::kFloat);
  const Tensor g = at::full({1}, 0.5, at::kFloat);
  const auto after = [&](const OptimizerOptions& options, int steps) {
    Optimizer optimizer(options, {p});
    std::vector<Tensor> now{p};
    for (int i = 0; i < steps; ++i) {
      now = optimizer.step(now, {g}, 0.5);
    }
    return now[0].item<double>();
  };
  const OptimizerOptions base{.rate = 0.2, .weight_decay = 0.1};
  OptimizerOptions o = base;
  o.kind = OptimizerKind::sgd;
  o.momentum = 0.5;
  // v1 = .5 + .1·2 = .7, p = 2 − .1·.7 = 1.93; v2 = .35 + .5 + .193 = 1.043, p = 1.8257
  CHECK(std::abs(after(o, 2) - 1.8257) < 1e-5);
  o.kind = OptimizerKind::adamw;  // a constant gradient: the step is rate · sign
  const double decayed = 2.0 * (1 - 0.1 * 0.1) - 0.1;
  CHECK(std::abs(after(o, 1) - decayed) < 1e-5);
  o.kind = OptimizerKind::adam;
  CHECK(std::abs(after(o, 1) - 1.9) < 1e-5);
}
