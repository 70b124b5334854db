// headscope generate and chat, as a user runs them.
#include <algorithm>

#include "cli/generate/generate_view.h"
#include "hooks/edits.h"
#include "hooks/trace/trace_reader.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr const char* kNoTwoHeads =
    R"({"version": 1, "interventions": [{"site": "blocks.*.attn.hook_z", "heads": [1, 2], "op": "zero"}]})";

std::vector<std::string> generating(std::vector<std::string> more) {
  std::vector<std::string> words{
      "generate", model_path("llama"), "--ignore-end", "--max-tokens", "6"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<std::int32_t> tokens_of(const OrderedJson& text) {
  std::vector<std::int32_t> tokens;
  for (const auto& token : text["tokens"]) {
    tokens.push_back(token["token"].get<std::int32_t>());
  }
  return tokens;
}

WrittenToken token(std::int32_t id) {
  return {.token = id};
}

// A folder of the llama fixture with a chat template.
std::string chat_model(const Folder& folder) {
  const std::string path = folder / "model";
  std::filesystem::copy(model_path("llama"), path, std::filesystem::copy_options::recursive);
  put(path + "/chat_template.jinja",
      "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
      "{% if add_generation_prompt %}[assistant] {% endif %}");
  return path;
}

}  // namespace

TEST_CASE("generate --compare writes each text with and without the interventions") {
  const Folder folder;
  put(folder / "edits.json", kNoTwoHeads);
  const auto got = run(generating({"--prompt",
                                   "a b",
                                   "--prompt",
                                   "c",
                                   "--intervene",
                                   folder / "edits.json",
                                   "--compare",
                                   "--json"}));
  REQUIRE(got.code == 0);
  const auto json = got.json();
  const Model model = load_model(model_path("llama"), {});
  REQUIRE(json["prompts"].size() == 2);
  for (const auto& prompt : json["prompts"]) {
    auto tokens = prompt["tokens"].get<std::vector<std::int32_t>>();
    for (const bool changed : {false, true}) {
      std::vector<std::int32_t> text = tokens;
      for (int i = 0; i < 6; ++i) {
        Edits edits;
        if (changed) {
          edits.at("blocks.*.attn.hook_z", {.heads = {{1, 2}}}).zero();
        }
        const Tensor logits =
            model.forward(Batch({text}), edits, {.logits = Logits::last}).logits[0];
        text.push_back(static_cast<std::int32_t>(logits.argmax().item<std::int64_t>()));
      }
      const auto& written = changed ? prompt["texts"][0] : prompt["unchanged"][0];
      CHECK(tokens_of(written) == std::vector<std::int32_t>(text.end() - 6, text.end()));
    }
  }
  CHECK(json["fired"][0]["values"].get<int>() > 0);
  CHECK(json["provenance"]["interventions"]["interventions"][0]["op"] == "zero");
  CHECK(json["provenance"]["seed"] == 0);

  const auto table = run(generating(
      {"--prompt", "a b", "--intervene", folder / "edits.json", "--compare", "--threads", "1"}));
  CHECK(table.code == 0);
  CHECK(table.out.find("unchanged") != std::string::npos);
  CHECK(table.err.find("fired") != std::string::npos);
}

TEST_CASE("what is generated can be recorded, a row a token") {
  const Folder folder;
  put(folder / "edits.json",
      R"({"version": 1, "interventions": [{"site": "blocks.1.attn.hook_z", "op": "zero",
          "apply": {"phase": "decode"}}]})");
  const auto got = run(generating({"--prompt",
                                   "a b",
                                   "--intervene",
                                   folder / "edits.json",
                                   "--json",
                                   "--record",
                                   folder / "t.h5",
                                   "--record-hooks",
                                   "blocks.1.attn.hook_z"}));
  REQUIRE(got.code == 0);
  const auto prompt_tokens = got.json()["prompts"][0]["tokens"].size();
  const TraceReader trace(folder / "t.h5");
  CHECK(trace.prompts().front().tokens.size() == prompt_tokens + 5);
  const auto z = trace.read("blocks.1.attn.hook_z", 0);
  const auto changed = z.values.size() / (prompt_tokens + 5) * prompt_tokens;
  const auto is_zero = [](float value) { return value == 0.0F; };
  const auto first_changed = z.values.begin() + static_cast<std::ptrdiff_t>(changed);
  CHECK(std::all_of(first_changed, z.values.end(), is_zero));
  CHECK(std::none_of(z.values.begin(), first_changed, is_zero));
}

TEST_CASE("generate refuses what would say nothing") {
  const Folder folder;
  put(folder / "edits.json", kNoTwoHeads);
  put(folder / "never.json",
      R"({"version": 1, "interventions": [{"site": "blocks.0.attn.hook_z", "op": "zero",
          "prompts": [5]}]})");
  const auto refused = [](const Outcome& got, const std::string& what) {
    CAPTURE(got.err);
    CHECK(got.code == 2);
    CHECK(is_one_line(got.err));
    CHECK(got.err.find(what) != std::string::npos);
  };
  refused(run(generating({"--prompt", "a", "--compare"})), "--intervene");
  refused(run(generating({})), "needs prompts");
  refused(run(generating({"--prompt", "a", "--record", folder / "t.h5"})), "--record-hooks");
  const auto unknown = run(generating(
      {"--prompt", "a", "--record", folder / "t.h5", "--record-hooks", "blocks.9.nothing"}));
  refused(unknown, "blocks.9.nothing");
  CHECK(unknown.out.empty());
  refused(run(generating({"--prompt", "a", "--stop", ""})), "--stop");
  refused(run(generating({"--prompt", "a", "--intervene", folder / "never.json"})),
          "never changed anything");
  refused(run(generating({"--prompt", "a", "--temperature", "1", "--top-p", "2"})), "top_p of 2");
  refused(run(generating({"--prompt", "a", "--temperature", "-1"})), "temperature");
  const auto no_template = run(generating({"--prompt", "a", "--chat"}));
  CHECK(no_template.code == 3);
  CHECK(no_template.err.find("chat template") != std::string::npos);
}

TEST_CASE("a text that would grow beyond what its model's turning allows is refused before work") {
  const Folder folder;  // 10 tokens turn alike, more otherwise
  put(folder / "p.jsonl", "{\"tokens\": [5, 9]}\n{\"tokens\": [5, 9, 7, 30, 12]}\n");
  const auto writing = [&](const char* most) {
    return run({"generate",
                model_path("phi3_longrope"),
                "--prompts",
                folder / "p.jsonl",
                "--max-tokens",
                most,
                "--ignore-end"});
  };
  CHECK(writing("6").code == 0);
  const Outcome refused = writing("7");
  CHECK(refused.code == 2);
  CHECK(is_one_line(refused.err));
  CHECK(refused.out.empty());
  CHECK(refused.err.find("write at most 6 tokens") != std::string::npos);
}

TEST_CASE("samples of a seed are the same, whatever the batch") {
  const auto samples = [](const std::string& seed, const std::string& batch) {
    const auto got = run(generating({"--prompt",
                                     "a b",
                                     "--temperature",
                                     "1.5",
                                     "--samples",
                                     "3",
                                     "--seed",
                                     seed,
                                     "--batch",
                                     batch,
                                     "--json"}));
    REQUIRE(got.code == 0);
    const auto json = got.json();
    std::vector<std::vector<std::int32_t>> all;
    for (const auto& text : json["prompts"][0]["texts"]) {
      all.push_back(tokens_of(text));
    }
    return all;
  };
  const auto three = samples("4", "3");
  CHECK(three == samples("4", "1"));
  CHECK(three != samples("5", "3"));
  CHECK(three[0] != three[1]);
}

TEST_CASE("chat answers by the template, and changes heads between turns") {
  const Folder folder;
  const std::string model = chat_model(folder);
  put(folder / "typed",
      "a b\n/scale 1.2 0\na b\n/heads\n/scale 99.0 0\n/nonsense\n/save " + (folder / "kept.json") +
          "\n/off\na b\n/quit\nnever read\n");
  const auto got = run({"chat", model, "--max-tokens", "4", "--ignore-end", "--threads", "1"},
                       "cat " + (folder / "typed") + " |");
  REQUIRE(got.code == 0);
  CHECK(got.out.find("blocks.1.attn.hook_z) fired") != std::string::npos);
  CHECK(got.out.find("the model has layers 0 to") != std::string::npos);
  CHECK(got.out.find("{\"site\":\"blocks.1.attn.hook_z\"") != std::string::npos);  // /heads
  CHECK(got.out.find("/nonsense: no such command") != std::string::npos);
  const auto kept = OrderedJson::parse(contents(folder / "kept.json"));
  CHECK(kept["interventions"][0]["op"] == "zero");
  CHECK(kept["interventions"][0]["heads"][0] == 2);

  const auto once = run({"generate",
                         model,
                         "--chat",
                         "--prompt",
                         "a b",
                         "--max-tokens",
                         "4",
                         "--ignore-end",
                         "--json"});
  REQUIRE(once.code == 0);
  CHECK(once.json()["prompts"][0]["prompt"] == "[user] a b\n[assistant] ");
  const auto first = once.json()["prompts"][0]["texts"][0]["text"].get<std::string>();
  CHECK(got.out.starts_with(first));
}

TEST_CASE("texts are aligned by their longest common subsequence") {
  const std::vector<WrittenToken> a{token(1), token(2), token(3), token(4)};
  const std::vector<WrittenToken> b{token(1), token(9), token(3), token(8), token(4)};
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;
  for (const AlignedTokens& row : aligned(a, b)) {
    rows.emplace_back(row.unchanged, row.changed);
  }
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{
      {0, 0}, {1, 1}, {2, 2}, {-1, 3}, {3, 4}};
  CHECK(rows == expected);
  CHECK(aligned({}, b).size() == 5);
}

TEST_CASE("a changed text is marked where it differs") {
  const Model model = load_model(model_path("llama"), {});
  const auto text_of = [&](const std::string& words) {
    GeneratedText text;
    for (const std::int32_t id : model.tokenizer().encode(words)) {
      text.tokens.push_back(token(id));
    }
    return text;
  };
  const GeneratedText plain = text_of("abcd");
  REQUIRE(plain.tokens.size() == 4);
  CHECK(marked_text(plain, plain, model) == "abcd");
  CHECK(marked_text(plain, text_of("axyd"), model) == "a[xy]d");
  CHECK(marked_text(plain, text_of("xacde"), model) == "[x]acd[e]");
  CHECK(marked_text(plain, {}, model).empty());
}
