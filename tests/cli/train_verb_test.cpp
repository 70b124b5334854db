// headscope train from the command line.
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::string short_train_spec() {
  return Json{{"format", "headscope-train"},
              {"version", 1},
              {"name", "short"},
              {"task",
               {{"name", "induction"},
                {"words", 8},
                {"length", 17},
                {"shortest_round", 4},
                {"longest_round", 8}}},
              {"model",
               {{"n_layers", 2},
                {"d_model", 32},
                {"n_heads", 2},
                {"d_head", 16},
                {"attn_only", true},
                {"normalization_type", "LN"},
                {"positional_embedding_type", "rotary"}}},
              {"optimizer", {{"name", "adamw"}, {"lr", 0.01}, {"beta2", 0.98}, {"warmup", 20}}},
              {"steps", 150},
              {"batch", 16},
              {"checkpoints", {0, 100}}}
      .dump();
}

}  // namespace

TEST_CASE("train learns, and what it makes is a model that other verbs read") {
  const Folder folder;
  put(folder / "spec.json", short_train_spec());
  const std::vector<std::string> words{
      "train", folder / "spec.json", "-o", folder / "model", "--threads", "1", "--json"};
  const auto trained = run(words);
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  const auto json = trained.json();
  CHECK(json["steps"] == 150);
  double repeated = 100.0;
  for (const auto& group : json["groups"]) {
    if (group["positions_of"] == "repeated") {
      repeated = group["loss"].get<double>();
    }
  }
  CHECK(repeated < 1.0);  // log 8 = 2.08 to begin with
  const std::string page = contents(folder / "model/index.html");
  CHECK(page.find("<td>repeated") != std::string::npos);   // a row of the table
  CHECK(page.find("image/svg+xml") != std::string::npos);  // the curves
  const auto info = run({"info", folder / "model"});
  INFO(info.err);
  CHECK(info.code == 0);
  const auto predicted = run({"predict",
                              folder / "model/checkpoints/step-00000100",
                              "--prompt",
                              "w1 w5 w2 w7 w0 w3 w1 w5 w2",
                              "--threads",
                              "1"});
  INFO(predicted.err);
  CHECK(predicted.code == 0);

  CHECK(run(words).code == 2);  // neither --resume nor --overwrite
  auto again = words;
  again.push_back("--resume");
  CHECK(run(again).json()["resumed_at"] == 150);
  again.insert(again.end(), {"--seed", "3"});
  CHECK(run(again).code == 2);  // another run
}

TEST_CASE("what train cannot use is one clear error") {
  const Folder folder;
  Json spec = Json::parse(short_train_spec());
  spec["optimizer"]["betas"] = {0.9, 0.98};
  put(folder / "spec.json", spec.dump());
  const auto unknown = run({"train", folder / "spec.json", "-o", folder / "model"});
  CHECK(unknown.code == 3);
  CHECK(unknown.err.find("betas") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "model"));
  const auto no_spec = run({"train", "inductoin", "-o", folder / "model"});
  CHECK(no_spec.code == 2);
  CHECK(no_spec.err.find("induction") != std::string::npos);
  CHECK(run({"train", "induction"}).code == 2);  // no -o
  CHECK(run({"train", "induction", "-o", folder / "model", "--dtype", "bf16"}).code == 2);
}

TEST_CASE("reproduce of trained models takes no model, and goes alone") {
  const Folder folder;
  CHECK(run({"reproduce", "mqar", "ioi", "-o", folder / "out"}).code == 2);
  CHECK(run({"reproduce", "mqar", "--model", "x", "-o", folder / "out"}).code == 2);
  const auto fitted =
      run({"reproduce", "random-features", "-o", folder / "out", "--threads", "1", "--json"});
  INFO(fitted.err);
  REQUIRE(fitted.code == 0);
  const auto measured = fitted.json()["trained"][0]["measured"];
  CHECK(measured["risk, 64 heads, 4096 samples"] < measured["risk, 1 heads, 4096 samples"]);
  CHECK(measured["risk, 64 heads, 4096 samples"] < measured["risk, 64 heads, 128 samples"]);
  CHECK(measured["risk, 64 heads, 4096 samples"] < measured["risk, network, 4096 samples"]);
  CHECK(contents(folder / "out/index.html").find("random") != std::string::npos);
}
