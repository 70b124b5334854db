// Which tokens "apply" and "keys" choose, against loops over the words of hooks/token_choice.h; and
// that a pass in chunks, one step after another and one that computes all anew choose the same.
#include <algorithm>

#include <ATen/ops/cat.h>

#include "hooks/edits.h"
#include "hooks/intervention_json.h"
#include "hooks/intervention_tap.h"
#include "hooks/recorder.h"
#include "hooks/row_tokens.h"
#include "hooks/tap_list.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/property.h"
#include "tests/support/random_layout.h"

using namespace headscope;
using namespace headscope::test;

namespace {

using Tokens = std::vector<std::int32_t>;

const Model& small_llama() {
  static const Model model = load(huggingface_fixture("llama"));
  return model;
}

std::vector<Intervention> chosen_edits(const std::string& list) {
  return interventions_from_json(Json::parse(R"({"version": 1, "edits": )" + list + "}"), "e.json");
}

TokenChoice choice_of(const std::string& apply) {
  return chosen_edits(R"([{"site": "blocks.0.attn.hook_z", "op": "zero", "apply": )" + apply + "}]")
      .front()
      .where.apply;
}

// One row without padding, `prompt` of whose tokens were given.
struct OneRow {
  OneRow(RowText text, std::int64_t first)
      : layout{.rows = 1,
               .columns = static_cast<std::int64_t>(text.tokens.size()) - first,
               .past = first,
               .total = static_cast<std::int64_t>(text.tokens.size()),
               .pads = {0}} {
    layout.texts = std::make_shared<const std::vector<RowText>>(1, std::move(text));
  }
  [[nodiscard]] std::vector<char> chosen(const TokenChoice& choice, const Tokenizer& words) const {
    const Visit visit{{Site::z, 0}, layout, small_llama().config()};
    return RowTokens(visit, 0, &words).chosen(choice, layout.past, layout.columns);
  }
  BatchLayout layout;
};

// Whether a token is one of a set, by its definition alone. `n`: tokens of the prompt.
bool in_set(const TokenSet& set, const RowText& text, std::int64_t at, const Tokenizer& words) {
  const std::int64_t n = text.prompt_tokens;
  const auto counted = [&](std::int64_t given) { return given < 0 ? n + given : given; };
  bool found = false;
  for (const std::int64_t position : set.positions) {
    found |= counted(position) == at;
  }
  for (const IndexRange& range : set.ranges) {
    found |= at >= counted(range.from) && (!range.to || at < counted(*range.to));
  }
  for (const std::string& name : set.spans) {
    found |= at >= text.spans.at(name).begin && at < text.spans.at(name).end;
  }
  for (const std::int32_t token : set.tokens) {
    found |= text.tokens[static_cast<std::size_t>(at)] == token;
  }
  for (const std::string& needle : set.texts) {
    std::string bytes;
    std::vector<std::int64_t> owners;  // which token each byte is of
    for (std::int64_t i = 0; i < (at < n ? n : at + 1); ++i) {
      const std::string piece = words.piece(text.tokens[static_cast<std::size_t>(i)]);
      bytes += piece;
      owners.insert(owners.end(), piece.size(), i);
    }
    for (std::size_t begin = 0; begin + needle.size() <= bytes.size(); ++begin) {
      for (std::size_t i = 0; bytes.compare(begin, needle.size(), needle) == 0 && i < needle.size();
           ++i) {
        found |= owners[begin + i] == at && (at < n || i + 1 == needle.size());
      }
    }
  }
  return found;
}

bool in_choice(const TokenChoice& choice,
               const RowText& text,
               std::int64_t at,
               const Tokenizer& words) {
  const std::int64_t step = at - text.prompt_tokens;
  if ((choice.phase == Phase::prefill && step >= 0) ||
      (choice.phase == Phase::decode && step < 0)) {
    return false;
  }
  if (choice.steps && step >= 0 &&
      (step < choice.steps->from || (choice.steps->to && step >= *choice.steps->to))) {
    return false;
  }
  return (!choice.positions || in_set(*choice.positions, text, at, words)) &&
         (!choice.except || !in_set(*choice.except, text, at, words));
}

std::string letters(std::int64_t count) {
  std::string out;
  for (; count > 0; --count) {
    out += "ohn"[draw(0, 3)];  // "oh", "on" and "ohn" are tokens
  }
  return out;
}

TokenSet draw_set(const RowText& text) {
  TokenSet set;
  const std::int64_t n = text.prompt_tokens;
  const auto size = static_cast<std::int64_t>(text.tokens.size());
  switch (draw(0, 5)) {
    case 0:
      set.positions = {draw(-n, size + 2), draw(0, size)};
      break;
    case 1:
      set.ranges = {{draw(-n, size), draw(0, 2) == 0 ? std::nullopt : std::optional(draw(-n, 9))}};
      break;
    case 2:
      set.spans = {"subject"};
      break;
    case 3:
      set.tokens = {text.tokens[static_cast<std::size_t>(draw(0, size))]};
      break;
    default:
      set.texts = {letters(draw(1, 4))};
  }
  return set;
}

}  // namespace

TEST_CASE("a choice of tokens chooses what its words say, wherever a pass begins") {
  const Tokenizer words = small_llama().tokenizer();
  property("chosen() against loops", [&] {
    RowText text{.tokens = words.encode(letters(draw(1, 6))), .prompt_tokens = 0};
    text.prompt_tokens = static_cast<std::int64_t>(text.tokens.size());
    for (const std::int32_t token : words.encode(letters(draw(0, 5)))) {
      text.tokens.push_back(token);
    }
    const std::int64_t begin = draw(0, text.prompt_tokens);
    text.spans["subject"] = {begin, draw(begin, text.prompt_tokens) + 1};
    TokenChoice choice{.phase = static_cast<Phase>(draw(0, 3))};
    if (draw(0, 4) > 0) {
      choice.positions = draw_set(text);
    }
    if (draw(0, 2) == 0) {
      choice.except = draw_set(text);
    }
    if (draw(0, 3) == 0) {
      choice.steps = IndexRange{draw(0, 3), draw(3, 5)};
    }
    const auto beyond = [&](std::int64_t at) { return at >= text.prompt_tokens; };
    if (choice.phase == Phase::prefill && choice.positions &&
        std::any_of(
            choice.positions->positions.begin(), choice.positions->positions.end(), beyond)) {
      RC_ASSERT_THROWS_AS(OneRow(text, 0).chosen(choice, words), UsageError);
      return;
    }
    const auto size = static_cast<std::int64_t>(text.tokens.size());
    for (std::int64_t first = 0; first < size; ++first) {
      const std::vector<char> got = OneRow(text, first).chosen(choice, words);
      RC_ASSERT(static_cast<std::int64_t>(got.size()) == size - first);
      for (std::int64_t at = first; at < size; ++at) {
        RC_ASSERT((got[static_cast<std::size_t>(at - first)] != 0) ==
                  in_choice(choice, text, at, words));
      }
    }
  });
}

TEST_CASE(
    "an occurrence of a text is all its tokens in the prompt, its last one in what is written") {
  const Tokenizer words = small_llama().tokenizer();
  const auto marks =
      [&](const std::string& given, const std::string& written, const std::string& apply) {
        RowText text{.tokens = words.encode(given), .prompt_tokens = 0};
        text.prompt_tokens = static_cast<std::int64_t>(text.tokens.size());
        for (const std::int32_t token : words.encode(written)) {
          text.tokens.push_back(token);
        }
        std::string out;
        for (const char one : OneRow(text, 0).chosen(choice_of(apply), words)) {
          out += one != 0 ? '^' : '.';
        }
        return out;
      };
  CHECK(marks("xyzxy", "zxyzz", R"({"positions": {"text": "xyz"}})") == "^^^..^..^.");
  CHECK(marks("xyzxy", "z", R"({"positions": {"text": "xyz"}, "phase": "decode"})") == ".....^");
  CHECK(marks("aXaaX", "", R"({"positions": {"text": "aXa"}, "except": [2]})") == "^^...");
  CHECK(marks("abc", "cba", R"({"positions": [{"tokens": [101]}, 0], "steps": {"from": 0}})") ==
        "...^..");
  CHECK(marks("abc", "cba", R"({"positions": {"from": -2, "to": 4}})") == ".^^^..");
}

TEST_CASE("what a row does not have, or does not say, is refused") {
  const auto run = [](const std::string& apply, const Batch& batch) {
    Edits edits(
        chosen_edits(R"([{"site": "blocks.0.attn.hook_z", "op": "zero", "apply": )" + apply + "}]"),
        {},
        small_llama().tokenizer());
    small_llama().forward(batch, edits);
  };
  const Batch batch({{99, 100, 101}});
  CHECK_THROWS_WITH(run(R"({"positions": -4})", batch), contains("position -4 of prompt 0"));
  CHECK_THROWS_WITH(run(R"({"positions": 3, "phase": "prefill"})", batch), contains("3 tokens"));
  CHECK_THROWS_WITH(run(R"({"positions": 3})", batch), contains("never changed anything"));
  CHECK_THROWS_WITH(run(R"({"phase": "decode"})", batch), contains("never changed anything"));
  CHECK_THROWS_WITH(run(R"({"positions": {"text": "abd"}})", batch), contains("never changed"));
  CHECK_THROWS_WITH(run(R"({"positions": {"span": "s"}})", batch), contains("no span \"s\""));
  CHECK_THROWS_WITH(run(R"({"positions": {"tokens": ["ab"]}})", batch), contains("not one token"));
  Batch unsaid({{99, 100, 101}});
  unsaid.describe(std::make_shared<const std::vector<RowText>>(1));
  CHECK_THROWS_WITH(run(R"({"phase": "prefill"})", unsaid), contains("nobody said"));
  CHECK_NOTHROW(run(R"({"positions": [0, -1]})", unsaid));
  Edits unspelled(chosen_edits(R"([{"site": "blocks.0.attn.hook_z", "op": "zero",
                               "apply": {"positions": {"text": "a"}}}])"));
  CHECK_THROWS_WITH(small_llama().forward(batch, unspelled), contains("no tokenizer"));
}

TEST_CASE("the form of a choice, a strength and a document is checked") {
  const auto fails = [](const std::string& more, const std::string& message) {
    CAPTURE(more);
    CHECK_THROWS_WITH(
        chosen_edits(R"([{"site": "blocks.0.attn.hook_z", "op": "scale", )" + more + "}]"),
        contains(message));
  };
  fails(R"("factor": 1, "apply": {"phase": "prefil"})", "did you mean prefill");
  fails(R"("factor": 1, "apply": {"position": 1})", "did you mean positions");
  fails(R"("factor": 1, "apply": {"positions": []})", "\"positions\" is not");
  fails(R"("factor": 1, "apply": {"positions": {"span": "a", "text": "b"}})", "give one of");
  fails(R"("factor": 1, "apply": {"positions": {"from": 3, "to": 3}})", "holds nothing");
  fails(R"("factor": 1, "apply": {"positions": {"tokens": [-1]}})", "\"tokens\"");
  fails(R"("factor": 1, "apply": {"except": "all"})", "leaves nothing");
  fails(R"("factor": 1, "apply": {"phase": "prefill", "steps": {"from": 1}})", "\"steps\"");
  fails(R"("factor": 1, "apply": {"steps": {"from": -1}})", "counted from 0");
  fails(R"("factor": 1, "positions": [1], "apply": {"phase": "decode"})", "beside \"apply\"");
  fails(R"("factor": 1, "strength": 2)", "give one");
  fails(R"("strength": {"schedule": "linera", "from": 1})", "did you mean linear");
  fails(R"("strength": {"schedule": "linear", "from": 1, "to": 0})", "\"steps\"");
  fails(R"("strength": {"schedule": "decay", "from": 1, "rate": 1.5})", "\"rate\"");
  fails(R"("strength": {"schedule": "constant"})", "needs \"value\"");
  CHECK(chosen_edits("[]").empty());
  CHECK_THROWS_WITH(
      interventions_from_json(Json::parse(R"({"version": 1, "edits": [], "interventions": []})"),
                              "e.json"),
      contains("are the same; give one"));
  CHECK_THROWS_WITH(
      small_llama().forward(Batch({{5, 6}}),
                            Edits(chosen_edits(R"([{"site": "blocks.0.attn.hook_z", "op": "zero",
                                                       "keys": {"positions": 0}}])"))),
      contains("no pairs of query and key"));
}

TEST_CASE("choices and strengths read back as what they were written") {
  const std::vector<Intervention> list = chosen_edits(
      R"([{"site": "blocks.0.attn.hook_z", "op": "scale", "heads": [1],
           "apply": {"phase": "decode", "positions": [3, {"from": -2}, {"text": "ab"}, {"span": "s"},
                     {"tokens": [5, "c"]}], "except": [0], "steps": {"from": 1, "to": 4}},
           "strength": {"schedule": "linear", "from": 2.0, "to": 0.0, "steps": 3}},
          {"site": "blocks.0.attn.hook_attn_scores", "op": "bias", "keys": {"except": [{"from": 1}]},
           "strength": {"schedule": "decay", "from": 2.0, "rate": 0.5}},
          {"site": "blocks.0.attn.hook_z", "op": "scale",
           "strength": {"schedule": "constant", "value": 3.0}}])");
  const OrderedJson json = to_json(list);
  CHECK(to_json(interventions_from_json(Json::parse(json.dump()), "x")) == json);
  CHECK(
      json["interventions"][0]["apply"].dump() ==
      R"({"phase":"decode","positions":[3,{"from":-2},{"span":"s"},{"text":"ab"},{"tokens":[5,"c"]}],)"
      R"("except":[0],"steps":{"from":1,"to":4}})");
  CHECK(json["interventions"][1]["strength"].dump() ==
        R"({"schedule":"decay","from":2.0,"rate":0.5})");
  CHECK(json["interventions"][2]["factor"] == 3.0);
}

TEST_CASE("an empty document changes nothing, bit for bit") {
  const Batch batch({{99, 100, 101}, {99, 100}});
  Edits none(chosen_edits("[]"));
  CHECK(identical(small_llama().forward(batch, none).logits, small_llama().forward(batch).logits));
}

TEST_CASE("a strength follows the steps, and the prompt has that of the first") {
  const std::string z = "blocks.1.attn.hook_z";
  RowText text{.tokens = {99, 100, 101, 102, 103, 104, 105}, .prompt_tokens = 3};
  Batch batch({text.tokens});
  batch.describe(std::make_shared<const std::vector<RowText>>(1, text));
  Recorder plain(std::vector<std::string>{z});
  small_llama().forward(batch, plain);
  const auto check = [&](const std::string& strength, const std::vector<float>& want) {
    CAPTURE(strength);
    Edits edits(chosen_edits(R"([{"site": "blocks.1.attn.hook_z", "op": "scale", "heads": [1],
                             "strength": )" +
                             strength + "}]"));
    Recorder seen(std::vector<std::string>{z});
    small_llama().forward(batch, edits | seen);
    for (std::int64_t at = 0; at < 7; ++at) {
      const Tensor before = plain.at(z)[0][at];
      const Tensor after = seen.at(z)[0][at];
      CHECK(identical(after[1], before[1] * want[static_cast<std::size_t>(at)]));
      CHECK(identical(after[0], before[0]));
    }
  };
  check(R"({"schedule": "linear", "from": 4, "to": 1, "steps": 3})", {4, 4, 4, 4, 3, 2, 1});
  check(R"({"schedule": "linear", "from": 0, "to": 2, "steps": 2})", {0, 0, 0, 0, 1, 2, 2});
  check(R"({"schedule": "decay", "from": 8, "rate": 0.5})", {8, 8, 8, 8, 4, 2, 1});
  check(R"({"schedule": "constant", "value": 5})", {5, 5, 5, 5, 5, 5, 5});
}

TEST_CASE("chunks, a cache and a pass over everything choose the same tokens") {
  const std::string document =
      R"([{"site": "blocks.0.attn.hook_z", "heads": [0], "op": "scale",
           "strength": {"schedule": "decay", "from": 3, "rate": 0.5}, "apply": {"phase": "decode"}},
          {"site": "blocks.0.attn.hook_z", "heads": [1], "op": "zero",
           "apply": {"phase": "prefill", "positions": [{"from": 1, "to": -1}], "except": [2]}},
          {"site": "blocks.*.attn.hook_q", "heads": [2], "op": "scale", "factor": 2,
           "apply": {"positions": [{"text": "bc"}, {"tokens": ["a"]}, -1]}},
          {"site": "blocks.1.attn.hook_attn_scores", "op": "bias", "bias": 1.5,
           "apply": {"phase": "decode", "steps": {"from": 1}}, "keys": {"positions": {"text": "bc"}}},
          {"site": "blocks.1.attn.hook_attn_scores", "heads": [3], "op": "mask",
           "keys": {"phase": "decode", "steps": {"to": 1}}, "apply": {"steps": {"from": 1}}},
          {"site": "blocks.1.attn.hook_rot_k", "op": "scale", "factor": 0.5,
           "apply": {"phase": "decode"}}])";
  for (const std::string family : {"llama", "qwen3"}) {
    CAPTURE(family);
    const Model model = load(huggingface_fixture(family));
    const Tokenizer words = small_llama().tokenizer();
    const RowText text{.tokens = words.encode("xabcyabzbcab"), .prompt_tokens = 6};
    const auto whole = std::make_shared<const std::vector<RowText>>(1, text);
    std::vector<EditStep> steps;
    for (const Intervention& what : chosen_edits(document)) {
      steps.push_back({what});
    }
    const auto plan = std::make_shared<const InterventionPlan>(
        steps, NamedValues(), model.config(), std::string(), words);
    Batch all({text.tokens});
    all.describe(whole);
    const auto run = [&](std::int64_t chunk) {
      return model.forward(all, InterventionTap(plan), {.chunk = chunk}).logits;
    };
    const Tensor want = run(0);
    plan->check_fired();
    CHECK(difference(want, model.forward(all).logits) > 1e-4);
    CHECK(difference(run(4), want) < 1e-5);
    KvCache cache(model.config());
    InterventionTap kept(plan);
    const Batch given({Tokens(text.tokens.begin(), text.tokens.begin() + 6)});
    std::vector<Tensor> parts{model.forward(given, kept, {.cache = &cache}).logits};
    for (std::size_t at = 6; at < text.tokens.size(); ++at) {
      Batch one({Tokens{text.tokens[at]}});
      one.describe(whole);
      parts.push_back(model.forward(one, kept, {.cache = &cache}).logits);
    }
    CHECK(difference(at::cat(parts, 1), want) < 1e-5);
  }
}
