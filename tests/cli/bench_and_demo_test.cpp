#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "analyses/bench/step_bench.h"
#include "cli/render/visible.h"
#include "hooks/trace/trace.h"
#include "lib/base/head_id.h"
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

TEST_CASE("bench times a stream of shuffled rows beside plain reads of the same trace") {
  const Folder folder;
  std::filesystem::create_directory(folder / "scratch");
  const Outcome outcome = run({"bench",
                               "stream",
                               model_path("llama"),
                               "--shape",
                               "3x7",
                               "--repeats",
                               "2",
                               "-o",
                               folder / "scratch",
                               "--json"});
  const auto runs = outcome.json()["runs"];
  REQUIRE(runs.size() == 4);
  const ModelConfig config = load(huggingface_fixture("llama")).config();
  const char* names[] = {
      "stream, cold", "plain read, cold", "stream, cached", "plain read, cached"};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(runs[i]["run"] == names[i]);
    CHECK(runs[i]["bytes"] == 3 * 7 * config.n_layers * config.n_heads * config.d_head * 4);
    CHECK(runs[i]["median_ms"].get<double>() > 0.0);
    CHECK(runs[i]["cpu_ms"].get<double>() >= 0.0);
  }
  CHECK(std::filesystem::is_empty(folder / "scratch"));
  CHECK(run({"bench", "stream", model_path("llama"), "--hooks", "blocks.0.attn.hook_pattern"})
            .err.find("not one row a token") != std::string::npos);
}

TEST_CASE("bench times steps of decoding, with a head scaled and without, in turn") {
  const Outcome outcome =
      run({"bench", "generate", model_path("llama"), "--shape", "2x5", "--repeats", "5", "--json"});
  REQUIRE(outcome.code == 0);
  const auto json = outcome.json();
  REQUIRE(json["runs"].size() == 2);
  const auto& step = json["runs"][0];
  CHECK(step["run"] == "step");
  CHECK(json["runs"][1]["run"] == "step, head scaled");
  CHECK(step["tokens_per_second"].get<double>() ==
        Approx(2000.0 / step["median_ms"].get<double>()));
  // All weights but the table of embeddings, which is not the unembedding.
  const ModelConfig config = load(huggingface_fixture("llama")).config();
  const std::int64_t block = 4 * 32 * 32 + 3 * 32 * 64 + 2 * 32;
  CHECK(step["read_bytes"] == 4 * (config.n_layers * block + 32 + config.d_vocab * 32));
  CHECK(step["limit_ms"].get<double>() == Approx(1000.0 * step["read_bytes"].get<double>() /
                                                 step["memory_bytes_per_second"].get<double>()));
  const auto& ratio = step["changed_over_plain"];
  CHECK(ratio["low"].get<double>() <= ratio["median"].get<double>());
  CHECK(ratio["median"].get<double>() <= ratio["high"].get<double>());
  CHECK(step["passes"] == "the CPU replays nothing");
  CHECK(
      run({"bench", "generate", model_path("llama"), "--shape", "1x5", "--repeats", "100"}).code ==
      2);  // the context has 128 tokens
}

TEST_CASE("bench generate times steps under the interventions of a file") {
  const Folder folder;
  const auto timed = [&](const std::string& rest) {
    put(folder / "edits.json",
        R"({"version": 1, "interventions": [{"site": "blocks.*.attn.hook_z", "op": "zero", )" +
            rest + "}]}");
    return run({"bench",
                "generate",
                model_path("llama"),
                "--shape",
                "2x5",
                "--repeats",
                "3",
                "--intervene",
                folder / "edits.json"});
  };
  const Outcome changed = timed(R"("apply": {"phase": "decode"})");
  CHECK(changed.code == 0);
  CHECK_THAT(changed.out, contains("step, changed") && contains("edits.json costs"));
  const Outcome idle = timed(R"("apply": {"steps": {"from": 1000}})");
  CHECK(idle.code == 2);
  CHECK_THAT(idle.err, contains("never changed anything"));
  CHECK(run({"bench", "forward", model_path("llama"), "--intervene", folder / "edits.json"}).code ==
        2);
}

TEST_CASE("the median of ratios lies between order statistics") {
  std::vector<double> top;
  std::vector<double> bottom;
  for (int i = 1; i <= 100; ++i) {
    top.push_back(2.0 * i);
    bottom.push_back(i % 2 == 0 ? 2.0 : 4.0);
  }
  // The ratios are 2, 4, …, 100 and 0.5, 1.5, …, 49.5; 100/2 − 9.8 are below the interval.
  const MedianRatio ratio = median_ratio(top, bottom);
  std::vector<double> sorted;
  for (std::size_t i = 0; i < top.size(); ++i) {
    sorted.push_back(top[i] / bottom[i]);
  }
  std::sort(sorted.begin(), sorted.end());
  CHECK(ratio.median == (sorted[49] + sorted[50]) / 2);
  CHECK(ratio.low == sorted[40]);
  CHECK(ratio.high == sorted[59]);
  CHECK(median_ratio({3.0}, {2.0}).low == 1.5);
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
                                 "Knocked out",
                                 "headscope generate",
                                 "headscope demo"}) {
    INFO(text);
    CHECK(page.find(text) != std::string::npos);
  }
  CHECK(std::filesystem::exists(json["viewer"].get<std::string>()));
  // The text without a head is what `generate` writes without it.
  const auto& knocked = json["knockout"][0];
  const HeadId head = parse_head_id(knocked["without"][0]["heads"][0].get<std::string>());
  const std::string edits =
      fmt::format(R"({{"version": 1, "interventions": [{{"site": "blocks.{}.attn.hook_z",
                       "heads": [{}], "op": "zero"}}]}})",
                  head.layer,
                  head.head);
  put(folder / "off.json", edits);
  const auto same = run({"generate",
                         model_path("llama"),
                         "--prompt",
                         knocked["prompt"].get<std::string>(),
                         "--max-tokens",
                         "8",
                         "--intervene",
                         folder / "off.json",
                         "--compare",
                         "--json"})
                        .json()["prompts"][0];
  const auto marked = knocked["without"][0]["marked"].get<std::string>();
  CHECK(knocked["text"] == visible(same["unchanged"][0]["text"].get<std::string>(), Spaces::kept));
  CHECK((marked.find('[') == std::string::npos) ==
        (same["texts"][0]["text"] == same["unchanged"][0]["text"]));
}
