#include "hooks/trace/trace.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

TEST_CASE("bench times forward passes and recordings and leaves nothing behind") {
  const Folder folder;
  std::filesystem::create_directory(folder / "scratch");
  const auto json = run({"bench",
                         "record",
                         model_path("llama"),
                         "--shape",
                         "2x5",
                         "--shape",
                         "1x9",
                         "--repeats",
                         "3",
                         "-o",
                         folder / "scratch",
                         "--json"})
                        .json();
  REQUIRE(json["runs"].size() == 10);
  for (const auto& timing : json["runs"]) {
    const auto tokens = timing["prompts"].get<double>() * timing["tokens"].get<double>();
    const auto median = timing["median_ms"].get<double>();
    CHECK(timing["min_ms"].get<double>() > 0.0);
    CHECK(timing["min_ms"].get<double>() <= median);
    CHECK(timing["tokens_per_second"].get<double>() == Approx(1000.0 * tokens / median));
  }
  CHECK(json["runs"][0]["tokens"] == 5);
  CHECK(json["runs"][9]["tokens"] == 9);
  // f32 values of every head's pattern and z, and the logits of every position, as often as stored.
  const ModelConfig config = load(huggingface_fixture("llama")).config();
  const std::int64_t per_token =
      config.n_layers * config.n_heads * (5 + config.d_head) + config.d_vocab;
  for (const std::size_t run : {2, 3, 4}) {  // record to file, trace alone, plain write
    CHECK(json["runs"][run]["bytes"] == 2 * 5 * per_token * 4);
    CHECK(json["runs"][run]["bytes_per_second"].get<double>() ==
          Approx(1000.0 * json["runs"][run]["bytes"].get<double>() /
                 json["runs"][run]["median_ms"].get<double>()));
  }
  CHECK(json["runs"][3]["run"] == "trace alone");
  CHECK(json["runs"][4]["run"] == "plain write");
  CHECK(std::filesystem::is_empty(folder / "scratch"));
}

TEST_CASE("bench needs only a config with --random-weights") {
  const Folder folder;
  std::filesystem::create_directory(folder / "m");
  std::filesystem::copy(model_path("llama") + "/config.json", folder / "m/config.json");
  const std::vector<std::string> words{
      "bench", "forward", folder / "m", "--shape", "1x4", "--repeats", "1", "--random-weights"};
  CHECK(run(words).code == 0);
  std::vector<std::string> with_weights(words.begin(), words.end() - 1);
  CHECK(run(with_weights).code == 3);
}

TEST_CASE("the demo records its prompts and shows every head") {
  const Folder folder;
  const auto json =
      run({"demo", "--model", model_path("llama"), "-o", folder / "demo", "--json"}).json();
  const TraceReader trace(json["trace"].get<std::string>());
  CHECK(trace.complete());
  CHECK(trace.prompt_count() == 6);
  // The span of the answer's name is where its letters are.
  const Prompt& first = trace.prompt(0);
  std::string name;
  for (auto at = first.spans.at("object").begin; at < first.spans.at("object").end; ++at) {
    name += first.pieces[static_cast<std::size_t>(at)];
  }
  CHECK(name == " Mary");
  const std::string page = contents(json["page"].get<std::string>());
  for (const std::string text : {"All 12 heads",
                                 "strongest previous token head",
                                 "data:image/svg+xml",
                                 "headscope record",
                                 "headscope demo"}) {
    INFO(text);
    CHECK(page.find(text) != std::string::npos);
  }
  CHECK(std::filesystem::exists(json["viewer"].get<std::string>()));
}
