// Which heads keep their attention under a budget, and plans as files.
#include "analyses/operators/plan_method.h"

#include <algorithm>
#include <fstream>

#include "analyses/head_lists/read_head_list.h"
#include "analyses/operators/plan_effects.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const PlanMethod& method_named(std::string_view name) {
  for (const PlanMethod& method : all_plan_methods()) {
    if (method.name == name) {
      return method;
    }
  }
  throw InternalError("no such method");
}

Model grouped() {
  return load(huggingface_fixture("llama3_gqa_tied"));
}

std::shared_ptr<const AttentionPlan> read_text(const Folder& folder, const std::string& operators) {
  put(folder / "plan.json",
      R"({"format": "headscope-attention-plan", "version": 1, "operators": )" + operators + "}");
  return read_attention_plan(folder / "plan.json", grouped());
}

}  // namespace

TEST_CASE("a list of gates says which KV heads keep everything, and is written back") {
  const Folder folder;
  const Model model = grouped();
  const std::int64_t layers = model.config().n_layers, kv_heads = model.config().n_kv_heads;
  std::string tsv;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    for (std::int64_t head = 0; head < kv_heads; ++head) {
      tsv += fmt::format(
          "{}{}", head == layer % kv_heads ? 0.9 : 0.1, head + 1 < kv_heads ? '\t' : '\n');
    }
  }
  put(folder / "gates.tsv", tsv);
  const double budget = 1.0 / static_cast<double>(kv_heads);
  const auto kept =
      heads_kept(model, method_named("list"), {.budget = budget, .file = folder / "gates.tsv"});
  REQUIRE(std::ssize(kept) == layers);
  for (const HeadId& head : kept) {
    CHECK(head.head == head.layer % kv_heads);
  }
  put(folder / "kept.tsv", duo_attention_tsv(model, kept));
  const HeadList list = read_head_list(folder / "kept.tsv");
  CHECK(list.space == HeadSpace::kv);
  for (const HeadId& head : list.scores.heads()) {
    const bool is_kept = std::find(kept.begin(), kept.end(), head) != kept.end();
    CHECK(list.scores[head] == (is_kept ? 1.0 : 0.0));
  }
  const AttentionPlan plan = plan_around(model, kept, parse_operator("window:local=3"));
  const std::int64_t group = model.config().heads_per_kv();
  CHECK(std::ssize(plan.parts().front().heads) == layers * (kv_heads - 1) * group);
  for (const HeadId& head : plan.parts().front().heads) {
    CHECK(head.head / group != head.layer % kv_heads);
  }
}

TEST_CASE("budgets and files that mean nothing are refused") {
  const Model model = grouped();
  const PlanMethod& random = method_named("random");
  CHECK_THROWS_WITH(heads_kept(model, random, {.budget = 0.0}), contains("a budget of 0"));
  CHECK_THROWS_WITH(heads_kept(model, random, {.budget = 1.0}), contains("a budget of 1"));
  CHECK_THROWS_WITH(heads_kept(model, random, {.budget = 0.5, .file = "x"}), contains("no file"));
  CHECK_THROWS_WITH(heads_kept(model, method_named("greedy"), {.budget = 0.5}),
                    contains("give it with --from"));
  const Folder folder;
  put(folder / "other.tsv", "0.1\t0.2\t0.3\t0.4\t0.5\n");
  CHECK_THROWS_WITH(
      heads_kept(model, method_named("list"), {.budget = 0.5, .file = folder / "other.tsv"}),
      contains("of a model of 1 layers"));
}

TEST_CASE("a plan's document is read again, and what is wrong with one is named") {
  const Folder folder;
  const Model model = grouped();
  const std::vector<HeadId> kept = heads_kept(model, method_named("random"), {.budget = 0.5});
  const AttentionPlan plan = plan_around(model, kept, parse_operator("streaming:sink=1,local=3"));
  put(folder / "made.json", plan_document(plan, model).dump());
  CHECK(read_attention_plan(folder / "made.json", model)->hash() == plan.hash());
  CHECK_THROWS_WITH(read_attention_plan(folder / "made.json", load(huggingface_fixture("llama"))),
                    contains("a plan of another model"));
  const std::string part = R"("operator": "window", "local": 3)";
  CHECK(read_text(folder, R"([{"layers": "all", "kv_heads": 0, )" + part + "}]")
            ->parts()
            .front()
            .heads.size() ==
        static_cast<std::size_t>(model.config().n_layers * model.config().heads_per_kv()));
  CHECK_THROWS_WITH(read_text(folder, R"([{"layers": 0, "heads": [1, 1], )" + part + "}]"),
                    contains("head 0.1 has two"));
  CHECK_THROWS_WITH(read_text(folder, R"([{"layers": 99, "heads": 1, )" + part + "}]"),
                    contains("\"layers\" has 99"));
  CHECK_THROWS_WITH(read_text(folder, R"([{"layers": 0, )" + part + "}]"), contains("kv_heads"));
  CHECK_THROWS_WITH(
      read_text(folder, R"([{"layers": 0, "heads": 1, "operator": "window", "local": 0}])"),
      contains("at least 1"));
  CHECK_THROWS_WITH(
      read_text(folder, R"([{"layers": 0, "heads": 1, "operator": "window", "lokal": 2}])"),
      contains("no parameter \"lokal\""));
  CHECK_THROWS_WITH(read_text(folder, "[]"), contains("gives no head"));
  put(folder / "plan.json", R"({"format": "headscope-attention-plan", "version": 2})");
  CHECK_THROWS_WITH(read_attention_plan(folder / "plan.json", model), contains("version 2"));
}

TEST_CASE("a random plan has as many heads with each operator, those that share keys together") {
  const Model model = grouped();
  const AttentionPlan plan = plan_around(model,
                                         heads_kept(model, method_named("random"), {.budget = 0.5}),
                                         parse_operator("top-k:k=2"));
  const AttentionPlan other = shuffled(plan, model.config(), 5);
  CHECK(other.parts().front().heads.size() == plan.parts().front().heads.size());
  CHECK(shuffled(plan, model.config(), 5).hash() == other.hash());
  const std::vector<Prompt> texts{
      {.id = "0", .text = {}, .tokens = {5, 9, 7, 3, 8, 6, 4, 11}, .spans = {}}};
  const PlanEffects effects = plan_effects(model, plan, texts, {.draws = 2});
  CHECK(effects.plan.front().kl > 0.0);
  CHECK(effects.random.size() == 2);
}
