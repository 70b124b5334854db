// What edits do against random ones, at several strengths.
#include "analyses/steering/steer_eval.h"

#include <cmath>
#include <fstream>
#include <iterator>
#include <set>

#include "analyses/steering/applied.h"
#include "analyses/steering/steer_sweep.h"
#include "hooks/edits.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/steering/examples.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Intervention adding(const std::string& site, const std::string& name) {
  Intervention edit{.site = site, .op = Op::add};
  edit.values.name = name;
  return edit;
}

}  // namespace

TEST_CASE("random counterparts are as many other heads, and directions of the same norms") {
  const Model model = load(huggingface_fixture("llama"));
  std::vector<Intervention> heads = at_heads({{0, 1}, {2, 0}, {2, 3}}, Op::scale, 0.5);
  Random random(1, "test");
  for (int draw = 0; draw < 20; ++draw) {
    const ControlEdits drawn = random_counterpart(model, heads, {}, random);
    std::set<HeadId> found;
    for (const Intervention& edit : drawn.edits) {
      CHECK(edit.op == Op::scale);
      CHECK(edit.factor == 0.5);
      for (const std::int64_t head : *edit.where.heads) {
        const auto layer = static_cast<std::int64_t>(edit.site[7] - '0');  // "blocks.L"
        found.insert({layer, head});
      }
    }
    CHECK(found.size() == 3);
    for (const HeadId& chosen : {HeadId{0, 1}, HeadId{2, 0}, HeadId{2, 3}}) {
      CHECK_FALSE(found.contains(chosen));
    }
  }
  CHECK_THROWS_WITH(
      random_counterpart(model, at_heads(HeadGrid{3, 4}.heads(), Op::zero, 1.0), {}, random),
      contains("not as many other heads"));

  Tensor values = at::zeros({model.config().n_heads, model.config().d_head}, at::kFloat);
  values[1].fill_(2.0);
  const ControlEdits drawn =
      random_counterpart(model, {adding("blocks.1.attn.hook_z", "v")}, {{"v", values}}, random);
  REQUIRE(drawn.edits.size() == 1);
  const Tensor other = drawn.named.at(drawn.edits[0].values.name);
  CHECK(difference(other.pow(2).sum(-1).sqrt(), values.pow(2).sum(-1).sqrt()) < 1e-5);
  CHECK(difference(other, values) > 0.1);
  CHECK(control_kinds(heads).words() == "random heads");
  CHECK(control_kinds({adding("blocks.1.attn.hook_z", "v")}).words() == "random directions");
  CHECK(control_kinds({{.site = "blocks.0.hook_mlp_out", .op = Op::zero}}).words() == "none");
}

TEST_CASE("an effect is the change of the score, and its cost the KL from the model as it is") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData task = data_of(pair_lines(" c", " d"), model, folder);
  write_text(folder.file("text"), "a b c d e f g h i j k l m n o p q r s t u v w x y z");
  const NeutralText neutral(model, folder.file("text"), 40);
  const std::vector<Intervention> edits = at_heads({{1, 2}}, Op::zero, 1.0);
  const SteerEval eval = evaluate_edits(model, edits, {}, task, neutral, {.draws = 6, .seed = 3});
  CHECK(eval.effect.mean == Approx(eval.after.score.mean - eval.before.score.mean).margin(1e-9));
  CHECK(eval.random.size() == 6);
  // mean ± t · sd · √(1 + 1/6), t of 5 degrees of freedom.
  double squares = 0.0;
  for (const double x : eval.random) {
    squares += std::pow(x - mean_of(eval.random), 2);
  }
  const double reach = 2.571 * std::sqrt(squares / 5.0) * std::sqrt(7.0 / 6.0);
  CHECK(eval.random_high - mean_of(eval.random) == Approx(reach));
  CHECK(eval.random_high - eval.random_low == Approx(2.0 * reach));
  CHECK(eval.side.kl > 0.0);

  // KL and perplexity by hand, window by window.
  const auto tokens = model.tokenizer().encode(
      "a b c d e f g h i j k l m n o p q r s t u v w x y z", PrependBos::automatic);
  const std::vector<std::int32_t> window(tokens.begin(), tokens.begin() + 40);
  Edits same(edits);
  const Tensor p = at::softmax(model.forward(Batch({window})).logits[0].to(at::kDouble), -1);
  const Tensor q = at::softmax(model.forward(Batch({window}), same).logits[0].to(at::kDouble), -1);
  const double kl = (p * (p / q).log()).sum(-1).mean().item<double>();
  CHECK(eval.side.kl == Approx(kl).epsilon(1e-3));
  double surprise = 0.0;
  for (std::int64_t i = 0; i + 1 < 40; ++i) {
    surprise -= std::log(q[i][window[static_cast<std::size_t>(i + 1)]].item<double>());
  }
  CHECK(eval.side.perplexity == Approx(std::exp(surprise / 39.0)).epsilon(1e-4));

  const SteerEval again = evaluate_edits(model, edits, {}, task, neutral, {.draws = 6, .seed = 3});
  CHECK(again.random == eval.random);
  const SteerEval nothing =
      evaluate_edits(model, at_strength(edits, 0.0), {}, task, neutral, {.draws = 0});
  CHECK(nothing.effect.mean == Approx(0.0).margin(1e-9));
  CHECK(nothing.side.kl == Approx(0.0).margin(1e-6));
  CHECK_FALSE(nothing.works());
}

TEST_CASE("an effect works if its interval excludes 0 and its mean the random ones'") {
  SteerEval eval;
  eval.effect = {.mean = 1.0, .standard_error = 0.1, .low = 0.8, .high = 1.2};
  eval.random_low = -0.5;
  eval.random_high = 0.5;
  CHECK(eval.works());
  eval.random_high = 1.1;
  CHECK_FALSE(eval.works());
  eval.random_high = 0.5;
  eval.effect.low = -0.1;
  CHECK_FALSE(eval.works());
  eval.effect = {.mean = -1.0, .standard_error = 0.1, .low = -1.2, .high = -0.8};
  CHECK(eval.works());
  eval.random_low = eval.random_high = std::nan("");
  CHECK_FALSE(eval.works());
}

TEST_CASE("a strength goes from nothing, 0, through the edit as written, 1, and on") {
  std::vector<Intervention> edits = at_heads({{1, 2}}, Op::zero, 1.0);
  edits.push_back({.site = "blocks.0.attn.hook_z", .op = Op::scale, .factor = 3.0});
  edits.push_back(adding("blocks.0.hook_resid_post", "v"));
  edits.back().factor = 2.0;
  const auto half = at_strength(edits, 0.5);
  CHECK(half[0].op == Op::scale);
  CHECK(half[0].factor == 0.5);
  CHECK(half[1].factor == 2.0);
  CHECK(half[2].factor == 1.0);
  CHECK(at_strength(edits, 1.0)[0].factor == 0.0);
  CHECK(at_strength(edits, -1.0)[1].factor == -1.0);
  CHECK_THROWS_WITH(at_strength({{.site = "x", .op = Op::replace}}, 1.0),
                    contains("has no strength"));
  CHECK(parse_strengths("-2:2:0.5") == std::vector<double>{-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2});
  CHECK(parse_strengths("1,2.5,-4") == std::vector<double>{1, 2.5, -4});
  for (const std::string wrong :
       {"", "1:2", "2:1:0.5", "0:1:0", "1,,2", "a", "0:1e9:0.001", "nan"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_strengths(wrong), UsageError);
  }
}

TEST_CASE("a sweep goes on where it stopped, and with nothing else") {
  const TempFolder folder;
  const auto path = folder.file("s.jsonl");
  SteerEval eval;
  eval.effect.mean = 0.25;
  {
    SteerSweepLog log(path, {{"seed", 1}}, {IfExists::fail});
    log.add(-1.0, eval);
    log.add(0.5, eval);
  }
  write_text(folder.file("torn.jsonl"), [&] {
    std::ifstream in(path);
    std::string all((std::istreambuf_iterator<char>(in)), {});
    return all.substr(0, all.size() - 20);
  }());
  {
    SteerSweepLog again(path, {{"seed", 1}}, {IfExists::resume});
    CHECK(again.has(0.5));
    CHECK(again.has(-1.0));
    CHECK_FALSE(again.has(1.0));
    CHECK(again.lines()[0]["effect"]["mean"] == 0.25);
  }
  {
    SteerSweepLog torn(folder.file("torn.jsonl"), {{"seed", 1}}, {IfExists::resume});
    CHECK(torn.has(-1.0));
    CHECK_FALSE(torn.has(0.5));
    torn.add(0.5, eval);
  }
  CHECK(SteerSweepLog(folder.file("torn.jsonl"), {{"seed", 1}}, {IfExists::resume}).has(0.5));
  CHECK_THROWS_AS(SteerSweepLog(path, {{"seed", 2}}, {IfExists::resume}), UsageError);
  CHECK_THROWS_AS(SteerSweepLog(path, {{"seed", 1}}, {IfExists::fail}), UsageError);
  write_text(folder.file("no.jsonl"), "{}\n");
  CHECK_THROWS_AS(SteerSweepLog(folder.file("no.jsonl"), {}, {IfExists::resume}), DataError);
}
