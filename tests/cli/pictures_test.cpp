// export as pictures and for notebooks: -o names a file, ranges of tokens, scales, JSON.
#include "hooks/trace/trace.h"
#include "tests/cli/program.h"
#include "tests/render/page_dom.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// Two prompts, two layers of attention.
void record_patterns(const std::string& trace, const std::string& model) {
  const Outcome recorded = run({"record",
                                model_path(model),
                                "--prompt",
                                "the cat sat on the mat",
                                "--prompt",
                                "a dog",
                                "--hooks",
                                "blocks.{0,1}.attn.hook_pattern",
                                "-o",
                                trace});
  INFO(recorded.err);
  REQUIRE(recorded.code == 0);
}

Outcome export_to(const std::string& trace,
                  const std::string& out,
                  const std::vector<std::string>& more) {
  std::vector<std::string> words{"export", trace, "-o", out};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

const std::vector<std::string> kOneHead{
    "--hook", "blocks.1.attn.hook_pattern", "--head", "2", "--prompt", "0"};

std::vector<std::string> one_head(const std::vector<std::string>& more) {
  std::vector<std::string> words = kOneHead;
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("-o with an ending is the file that is written, in that format") {
  const Folder folder;
  record_patterns(folder / "t.h5", "llama");
  for (const std::string ending : {"png", "svg", "pdf", "csv", "npy", "html"}) {
    const Outcome made = export_to(folder / "t.h5", folder / ("to/a." + ending), kOneHead);
    INFO(made.err);
    CHECK(made.code == 0);
    CHECK(made.out == folder / ("to/a." + ending) + "\n");
    CHECK(std::filesystem::is_regular_file(folder / ("to/a." + ending)));
  }
  CHECK(contents(folder / "to/a.pdf").starts_with("%PDF"));
  const auto refused =
      [&](const std::string& out, const std::vector<std::string>& more, const std::string& says) {
        const Outcome outcome = export_to(folder / "t.h5", folder / out, more);
        INFO(outcome.err);
        CHECK(outcome.code == 2);
        CHECK(is_one_line(outcome.err));
        CHECK_THAT(outcome.err, contains(says));
        CHECK_FALSE(std::filesystem::exists(folder / out));
      };
  refused("b.png", {"--hook", "*pattern"}, "this makes 4 files");
  refused("b.png", one_head({"--format", "svg"}), "not that of --format svg");
  refused("b.json", {"--prompt", "0"}, "circuitsvis or bertviz");
  refused("b", kOneHead, "export needs --format");
  refused("b.npy", one_head({"--max", "1"}), "--max is for pictures");
  refused("b.csv", one_head({"--tokens", "0:2"}), "--tokens is for pictures");
  refused("b.png", one_head({"--tokens", "5"}), "FROM:TO");
  refused("b.png", one_head({"--tokens", "70:90"}), "tokens only");
}

TEST_CASE("a range of tokens shows those, under their own names") {
  const Folder folder;
  record_patterns(folder / "t.h5", "llama");
  const auto svg = [&](const std::vector<std::string>& more) {
    const Outcome made = export_to(folder / "t.h5", folder / "a.svg", one_head(more));
    INFO(made.err);
    REQUIRE(made.code == 0);
    return contents(folder / "a.svg");
  };
  const auto cells = [](const std::string& picture) {
    const auto begin = picture.find("class=\"cells\"");
    std::size_t count = 0;
    for (auto at = picture.find("<rect", begin); at < picture.find("</g>", begin);
         at = picture.find("<rect", at + 1)) {
      ++count;
    }
    return count;
  };
  const auto length = TraceReader(folder / "t.h5").prompt(0).tokens.size();
  REQUIRE(length > 4);
  CHECK(cells(svg({})) == length * (length + 1) / 2);
  const std::string part = svg({"--tokens", "1:4", "--scale", "log"});
  CHECK(cells(part) == 6);
  CHECK_THAT(part, contains("tokens 1 to 3"));
  CHECK(cells(svg({"--tokens", "2:"})) == (length - 2) * (length - 1) / 2);
}

TEST_CASE("CircuitsVis and BertViz get the maps and tokens in the shapes they take") {
  const Folder folder;
  record_patterns(folder / "t.h5", "llama");
  const TraceReader trace(folder / "t.h5");
  const auto stored = trace.read("blocks.1.attn.hook_pattern", 0, 2);
  const auto length = static_cast<std::size_t>(stored.shape[0]);
  const auto heads = static_cast<std::size_t>(trace.dataset("blocks.1.attn.hook_pattern").shape[0]);
  REQUIRE(export_to(folder / "t.h5", folder / "out", {"--format", "circuitsvis"}).code == 0);
  REQUIRE(export_to(folder / "t.h5",
                    folder / "b.json",
                    {"--format", "bertviz", "--prompt", "0", "--tokens", "1:3"})
              .code == 0);
  const auto circuitsvis =
      Json::parse(contents(folder / "out/attn.hook_pattern.prompt0.circuitsvis.json"));
  CHECK(circuitsvis["tokens"].size() == length);
  CHECK(circuitsvis["mask_upper_tri"] == true);
  REQUIRE(circuitsvis["attention"].size() == 2 * heads);
  CHECK(circuitsvis["attention_head_names"][heads + 2] == "L1H2");
  const auto bertviz = Json::parse(contents(folder / "b.json"));
  CHECK(bertviz["tokens"].size() == 2);
  CHECK(bertviz["tokens"][0] == circuitsvis["tokens"][1]);
  REQUIRE(bertviz["attention"].size() == 2);
  REQUIRE(bertviz["attention"][1].size() == 1);
  for (std::size_t query = 0; query < length; ++query) {
    for (std::size_t key = 0; key < length; ++key) {
      const float value = stored.values[query * length + key];
      CHECK(circuitsvis["attention"][heads + 2][query][key].get<float>() == value);
      if (query >= 1 && query < 3 && key >= 1 && key < 3) {
        CHECK(bertviz["attention"][1][0][2][query - 1][key - 1].get<float>() == value);
      }
    }
  }
}

TEST_CASE("attention to what follows is shown where a model has it") {
  const Folder folder;
  put(folder / "p.jsonl", "{\"tokens\": [5, 6, 7, 8, 9]}\n");  // the model has no tokenizer
  REQUIRE(run({"record",
               model_path("bert"),
               "--prompts",
               folder / "p.jsonl",
               "--hooks",
               "blocks.{0,1}.attn.hook_pattern",
               "-o",
               folder / "t.h5"})
              .code == 0);
  REQUIRE(export_to(folder / "t.h5", folder / "a.svg", kOneHead).code == 0);
  const auto length = TraceReader(folder / "t.h5").prompt(0).tokens.size();
  const std::string svg = contents(folder / "a.svg");
  std::size_t cells = 0;
  const auto begin = svg.find("class=\"cells\"");
  for (auto at = svg.find("<rect", begin); at < svg.find("</g>", begin);
       at = svg.find("<rect", at + 1)) {
    ++cells;
  }
  CHECK(cells == length * length);
  REQUIRE(export_to(folder / "t.h5", folder / "v.html", {}).code == 0);
  CHECK_THAT(contents(folder / "v.html"), contains("\"causal\":false"));
  REQUIRE(export_to(folder / "t.h5", folder / "out", {"--format", "circuitsvis"}).code == 0);
  CHECK_THAT(contents(folder / "out/attn.hook_pattern.prompt0.circuitsvis.json"),
             contains("\"mask_upper_tri\":false"));
}

TEST_CASE("a viewer is sorted by the scores of a file") {
  const Folder folder;
  record_patterns(folder / "t.h5", "llama");
  put(folder / "list.json",
      R"({"heads": [{"layer": 1, "head": 2, "score": 0.9}, {"layer": 0, "head": 1, "score": 0.8}],
          "n_layers": 2, "n_heads": 4})");
  const Outcome made =
      export_to(folder / "t.h5", folder / "v.html", {"--sort-by", folder / "list.json"});
  INFO(made.err);
  REQUIRE(made.code == 0);
  CHECK_THAT(
      contents(folder / "v.html"),
      contains("\"own_scores\":{\"name\":\"score in list.json\"") && contains("\"1.2\":0.9"));
  const std::string dom = page_dom(folder / "", "v.html", "");
  const auto at = dom.find("<figcaption><b>");
  REQUIRE(at != std::string::npos);
  CHECK(dom.substr(at + 15, 3) == "1.2");
  CHECK(export_to(folder / "t.h5", folder / "a.png", one_head({"--sort-by", folder / "list.json"}))
            .code == 2);
}
