// record, inspect and export: what comes out is what the model computed.
#include <cstring>

#include "hooks/recorder.h"
#include "hooks/trace/trace.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kTracesModel = model_path("llama");
constexpr const char* kPattern = "blocks.1.attn.hook_pattern";

const char* const kTracesPrompts =
    "{\"text\": \"the cat sat\", \"id\": \"cat\", \"spans\": {\"subject\": [1, 3]}}\n"
    "\n"
    "{\"tokens\": [5, 6, 7, 8]}\n";

Outcome record_into(const std::string& trace,
                    const std::string& prompts,
                    const std::vector<std::string>& more) {
  put(prompts, kTracesPrompts);
  std::vector<std::string> words{"record",
                                 kTracesModel,
                                 "--prompts",
                                 prompts,
                                 "--hooks",
                                 "blocks.*.attn.hook_pattern",
                                 "--hooks",
                                 "blocks.{0,2}.attn.hook_z",
                                 "-o",
                                 trace,
                                 "--json"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

struct Npy {
  std::string header;
  std::vector<float> values;
};

// NumPy format 1.0: a magic, a header length, a Python dictionary, the bytes.
Npy read_npy(const std::string& path) {
  const std::string bytes = contents(path);
  REQUIRE(bytes.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
  const auto header_size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[8])) +
                           256u * static_cast<unsigned char>(bytes[9]);
  Npy npy{bytes.substr(10, header_size), {}};
  npy.values.resize((bytes.size() - 10 - header_size) / 4);
  std::memcpy(npy.values.data(), bytes.data() + 10 + header_size, npy.values.size() * 4);
  return npy;
}

}  // namespace

TEST_CASE("what is recorded, inspected and exported is what the model computed") {
  const Folder folder;
  const Outcome recorded = record_into(folder / "t.h5", folder / "p.jsonl", {"--logits", "all"});
  INFO(recorded.err);
  REQUIRE(recorded.code == 0);
  CHECK(recorded.json()["prompts"] == 2);
  CHECK(recorded.json()["recorded_now"] == 2);
  CHECK(recorded.json()["complete"] == true);

  const auto seen = run({"inspect", folder / "t.h5", "--json"}).json();
  CHECK(seen["complete"] == true);
  CHECK(seen["datasets"].size() == 3 + 2 + 1);
  CHECK(seen["spans"] == OrderedJson({"subject"}));
  CHECK(seen["provenance"]["model"] == kTracesModel);
  CHECK_THAT(seen["provenance"]["command_line"].get<std::string>(),
             contains("'blocks.{0,2}.attn.hook_z'"));
  CHECK_THAT(run({"inspect", folder / "t.h5"}).out, contains("complete") && contains(kPattern));

  const auto exported = run({"export",
                             folder / "t.h5",
                             "--hook",
                             kPattern,
                             "--head",
                             "2",
                             "--prompt",
                             "1",
                             "--format",
                             "npy",
                             "-o",
                             folder / "out",
                             "--json"})
                            .json();
  REQUIRE(exported["files"].size() == 1);
  const Npy npy = read_npy(exported["files"][0]["path"]);
  CHECK_THAT(npy.header, contains("(4, 4)"));
  const auto stored = TraceReader(folder / "t.h5").read(kPattern, 1, 2);
  CHECK(npy.values == stored.values);

  Recorder recorder{kPattern};
  load_model(kTracesModel).forward(Batch({{5, 6, 7, 8}}), recorder, {.logits = Logits::none});
  const Tensor computed = recorder.at(kPattern, {.prompt = 0, .head = 2});
  for (std::int64_t i = 0; i < 16; ++i) {
    CHECK(npy.values[static_cast<std::size_t>(i)] ==
          Approx(computed[i / 4][i % 4].item<double>()).margin(1e-6));
  }
}

TEST_CASE("export without a prompt writes one file each; pictures carry the token labels") {
  const Folder folder;
  REQUIRE(record_into(folder / "t.h5", folder / "p.jsonl", {}).code == 0);
  const auto export_as = [&](const std::string& format, std::vector<std::string> more) {
    std::vector<std::string> words{
        "export", folder / "t.h5", "--format", format, "-o", folder / "out", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = run(words);
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return outcome.json()["files"];
  };
  const auto arrays = export_as("npy", {"--hook", "blocks.*.attn.hook_z"});
  CHECK(arrays.size() == 4);
  CHECK(std::filesystem::exists(folder / "out/blocks.2.attn.hook_z.prompt1.npy"));

  const auto maps = export_as("svg", {"--hook", kPattern, "--head", "0", "--prompt", "0"});
  const std::string svg = contents(maps[0]["path"].get<std::string>());
  CHECK_THAT(svg, contains("layer 1, head 0") && contains("the cat sat"));
  const auto pieces = TraceReader(folder / "t.h5").prompt(0).pieces;
  REQUIRE(!pieces.empty());
  CHECK_THAT(svg, contains(">" + pieces.back() + "<"));

  const auto pages = export_as("png", {"--hook", kPattern, "--prompt", "0"});
  CHECK(contents(pages[0]["path"].get<std::string>()).starts_with("\x89PNG"));
  const auto table = export_as("csv", {"--hook", kPattern, "--head", "1", "--prompt", "1"});
  CHECK(contents(table[0]["path"].get<std::string>())
            .starts_with("query,query_label,key,key_label,value\n"));

  const auto viewer = export_as("html", {});
  REQUIRE(viewer.size() == 1);
  const std::string html = contents(viewer[0]["path"].get<std::string>());
  CHECK_THAT(html, contains("id=\"m1-2-3\"") && !contains("id=\"m2-0-0\""));
}

TEST_CASE("export knows the aliases that record knows, and holds a brace to each alternative") {
  const Folder folder;
  REQUIRE(record_into(folder / "t.h5", folder / "p.jsonl", {}).code == 0);
  const auto exported = [&](const std::string& hook) {
    return run({"export",
                folder / "t.h5",
                "--hook",
                hook,
                "--prompt",
                "0",
                "--format",
                "npy",
                "-o",
                folder / "out",
                "--json"});
  };
  const auto by_alias = exported("blocks.2.attn.o.hook_in").json()["files"];
  REQUIRE(by_alias.size() == 1);
  CHECK(by_alias[0]["hook"] == "blocks.2.attn.hook_z");
  CHECK(exported("blocks.*.attn.o.hook_in").json()["files"].size() == 2);
  CHECK(exported("blocks.{0,2}.attn.{o.hook_in,hook_z}").json()["files"].size() == 2);
  const Outcome refused = exported("blocks.{0,1}.attn.hook_z");
  CHECK(refused.code == 2);
  CHECK(is_one_line(refused.err));
  CHECK_THAT(refused.err, contains("blocks.1.attn.hook_z: not recorded"));
}

TEST_CASE("a trace is resumed, replaced or refused") {
  const Folder folder;
  const std::string trace = folder / "t.h5";
  const std::string prompts = folder / "p.jsonl";
  REQUIRE(record_into(trace, prompts, {}).code == 0);
  const Outcome again = record_into(trace, prompts, {});
  CHECK(again.code == 2);
  CHECK(is_one_line(again.err));
  CHECK_THAT(again.err, contains("--resume"));
  const Outcome resumed = record_into(trace, prompts, {"--resume"});
  CHECK(resumed.code == 0);
  CHECK(resumed.json()["recorded_now"] == 0);
  const Outcome other = record_into(trace, prompts, {"--resume", "--seed", "9"});
  CHECK(other.code == 2);
  CHECK(is_one_line(other.err));
  CHECK_THAT(other.err, contains("seed"));
  std::vector<std::string> other_model{"record", model_path("gpt2"), "--prompts", prompts};
  for (const char* word : {"--hooks", "blocks.0.attn.hook_z", "--resume", "-o"}) {
    other_model.emplace_back(word);
  }
  other_model.push_back(trace);
  const Outcome another = run(other_model);
  CHECK(another.code == 2);
  CHECK(is_one_line(another.err));
  CHECK_THAT(another.err, contains("weights_hash is xxh3:") && !contains("n_layers"));
  const Outcome replaced = record_into(trace, prompts, {"--overwrite", "--seed", "9"});
  CHECK(replaced.code == 0);
  CHECK(replaced.json()["recorded_now"] == 2);
  CHECK(record_into(trace, prompts, {"--overwrite", "--resume"}).code == 2);
}

TEST_CASE("compressed half-precision traces export like any other") {
  const Folder folder;
  const std::vector<std::string> words{"--store", "f16", "--compress", "4"};
  REQUIRE(record_into(folder / "t.h5", folder / "p.jsonl", words).code == 0);
  const auto seen = run({"inspect", folder / "t.h5", "--json"}).json();
  CHECK(seen["compressed"] == true);
  CHECK(seen["datasets"][0]["dtype"] == "f16");
  CHECK(
      run({"export", folder / "t.h5", "--hook", kPattern, "--format", "svg", "-o", folder / "out"})
          .code == 0);
}

TEST_CASE("texts may be given instead of a file, brackets and all") {
  const Folder folder;
  const Outcome recorded = run({"record",
                                kTracesModel,
                                "--prompt",
                                "[a, b]",
                                "--prompt",
                                "cd",
                                "--hooks",
                                kPattern,
                                "-o",
                                folder / "t.h5"});
  INFO(recorded.err);
  REQUIRE(recorded.code == 0);
  CHECK_THAT(recorded.out, contains("2 prompts"));
  const TraceReader trace(folder / "t.h5");
  CHECK(trace.prompt(0).text == "[a, b]");
  CHECK(trace.prompt(1).text == "cd");
}
