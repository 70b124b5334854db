// The repair of coloured objects, on a model that is made to need it.
#include "analyses/circuit/component_reuse.h"

#include <set>

#include <ATen/ops/argmax.h>

#include "analyses/circuit/set_attention.h"
#include "analyses/known_models/hand_made.h"
#include "analyses/known_models/known_model.h"
#include "analyses/known_models/words.h"
#include "analyses/metric/summary.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"

using namespace headscope;

namespace {

const std::vector<std::string> kColors{"red", "blue", "green", "black"};
const std::vector<std::string> kThings{"cup", "pen", "hat", "which"};

// Head 1.0, a mover, copies the colour it likes best, a later one of the list, and shuns those that
// head 0.1 has told the last token of. Head 0.1 tells of the colours it attends to: of all alike,
// as it is.
KnownModelParts make_in_need() {
  WordVocabulary words;
  const Space colors = words.add(kColors);
  words.add(kThings);
  HandMadeModel model({.n_layers = 2, .n_heads = 4, .n_ctx = 16}, words.size());
  const Space shunned = model.space(colors.size);
  const Space said = model.space(words.size());
  HandMadeHead& inhibition = model.head(0, 1);
  inhibition.move(colors, shunned);
  HandMadeHead& mover = model.head(1, 0);
  mover.match(shunned, colors, -60.0);
  for (std::int64_t color = 0; color < colors.size; ++color) {
    mover.prefer(colors.at(color), 12.0 + 2.0 * static_cast<double>(color));
  }
  mover.move(model.tokens(), said);
  model.unembed(said, 10.0);
  return {model.config(),
          model.weights(),
          words.all(),
          {{{"red", "cup", "which"}, {"blue", "cup", "which"}, "red", "blue", "word"}},
          {.edges = {"input->logits"}, .constant_edges = {}, .not_found_by = {}}};
}

Model in_need() {
  const TempFolder folder;
  const KnownModel known{.name = "in need", .summary = "", .mechanism = "", .make = make_in_need};
  write_known_model(known, folder.file("model"));
  return load_model(folder.file("model").string());
}

// Three things; `asked`: which of their colours is the answer.
TaskItem item_of(const Model& model,
                 const std::string& text,
                 const std::string& asked,
                 bool long_one) {
  TaskItem item;
  item.id = text;
  const auto prompt = [&](const std::string& words) {
    Prompt out;
    out.text = words;
    out.tokens = model.tokenizer().encode(words, PrependBos::automatic);
    const std::int64_t first = std::ssize(out.tokens) - 7;
    out.spans = {
        {"C1", {first, first + 1}}, {"C2", {first + 2, first + 3}}, {"C3", {first + 4, first + 5}}};
    return out;
  };
  item.clean = prompt((long_one ? "hat hat " : "") + text + " which");
  item.corrupted = prompt((long_one ? "pen pen " : "") + text + " which");
  const auto token = [&](const std::string& word) { return *model.tokenizer().single(" " + word); };
  item.answers = {token(asked)};
  item.wrong = {token(asked == "red" ? "blue" : "red")};
  return item;
}

Task things(const Model& model) {
  Task task;
  task.name = "things";
  task.items = {item_of(model, "red cup blue pen green hat", "red", false),
                item_of(model, "blue cup red pen black hat", "blue", true),  // a longer one: pads
                item_of(model, "green cup red pen blue hat", "red", false),
                item_of(model, "red cup blue pen green hat", "green", false)};
  task.hash = hash_of(task.items);
  return task;
}

const std::vector<HeadId> kMover{{1, 0}};

}  // namespace

TEST_CASE("setting the attention of an inhibition head turns the mover to the right colour") {
  const Model model = in_need();
  const Task task = things(model);
  const ReuseHeads heads{.inhibition = {{0, 1}}, .negative = {}, .movers = kMover, .origin = ""};
  const ComponentReuse result = component_reuse(model, task, heads, {.draws = 4});
  REQUIRE(result.runs.size() == 2);  // one kind alone
  const ReuseRun& before = result.runs[0];
  const ReuseRun& after = result.runs[1];
  CHECK(before.accuracy == std::vector<double>{0, 0, 0, 1});  // it likes green, black, green best
  CHECK(after.accuracy == std::vector<double>{1, 1, 1, 1});
  CHECK(new_errors(before, after) == 0.0);
  CHECK(before.movers[0].right < 0.4);
  CHECK(after.movers[0].right > 0.99);
  CHECK(after.movers[0].wrong < 0.01);
  CHECK(before.movers[0].right + before.movers[0].wrong > 0.99);
  REQUIRE(result.random.size() == 4);
  for (const ReuseRun& run : result.random) {
    REQUIRE(run.set.size() == 1);
    CHECK(run.set[0].layer == 0);  // of the same layer
    CHECK(run.set[0].head != 1);
    CHECK(run.accuracy == before.accuracy);
    CHECK(run.logit_diff == before.logit_diff);
  }
  CHECK(new_errors(after, before) == 0.75);
  CHECK_THROWS_WITH(component_reuse(model, task, {}, {}), contains("--set"));
}

TEST_CASE("a run with set attention is what a loop over the prompts computes") {
  const Model model = in_need();
  const Task task = things(model);
  const std::vector<HeadId> set{{0, 1}, {1, 2}};
  const std::vector<HeadId> movers{{1, 0}, {1, 2}, {0, 0}};
  const ReuseRun run = run_with_set(model, task, set, movers);
  class Plain final : public Tap {
   public:
    Plain(const TaskItem& item, const std::vector<HeadId>& set) : item_(item), set_(set) {}
    [[nodiscard]] Interest wants(HookPoint point) const override {
      return point.site == Site::pattern ? Interest::edit : Interest::none;
    }
    Tensor visit(const Visit& visit, const Tensor& value) override {
      Tensor pattern = value.clone();
      const std::int64_t last = pattern.size(2) - 1;
      for (const HeadId& head : set_) {
        if (head.layer == visit.point.layer) {
          pattern[0][head.head][last].zero_();
          for (const std::string color : {"C1", "C2", "C3"}) {
            const std::int64_t at = item_.clean.spans.at(color).begin;
            if (item_.clean.tokens[static_cast<std::size_t>(at)] != item_.answers[0]) {
              pattern[0][head.head][last][at].fill_(0.5);
            }
          }
        }
      }
      seen.push_back(pattern.select(2, last)[0].clone());  // [H, T]
      return pattern;
    }
    std::vector<Tensor> seen;

   private:
    const TaskItem& item_;
    const std::vector<HeadId>& set_;
  };
  std::vector<MoverAttention> attention(movers.size());
  for (std::size_t i = 0; i < task.items.size(); ++i) {
    const TaskItem& item = task.items[i];
    Plain tap(item, set);
    const Tensor logits = model.forward(Batch({item.clean.tokens}), tap).logits[0][-1];
    CHECK(run.accuracy[i] == (logits.argmax().item<std::int64_t>() == item.answers[0] ? 1.0 : 0.0));
    CHECK(run.logit_diff[i] ==
          Approx((logits[item.answers[0]] - logits[item.wrong[0]]).item<double>()).margin(1e-4));
    for (std::size_t m = 0; m < movers.size(); ++m) {
      for (const std::string color : {"C1", "C2", "C3"}) {
        const std::int64_t at = item.clean.spans.at(color).begin;
        const double weight =
            tap.seen[static_cast<std::size_t>(movers[m].layer)][movers[m].head][at].item<double>() /
            4.0;
        const bool right = item.clean.tokens[static_cast<std::size_t>(at)] == item.answers[0];
        (right ? attention[m].right : attention[m].wrong) += weight;
      }
    }
  }
  for (std::size_t m = 0; m < movers.size(); ++m) {
    CHECK(run.movers[m].right == Approx(attention[m].right).margin(1e-6));
    CHECK(run.movers[m].wrong == Approx(attention[m].wrong).margin(1e-6));
  }
  CHECK(run.movers[1].wrong == Approx(1.0));  // one of those that are set
}

TEST_CASE(
    "prompts of which not one colour is the answer are refused, and heads that are not there") {
  const Model model = in_need();
  TaskItem item = things(model).items[0];
  CHECK(color_places(item).right == 1);
  CHECK(color_places(item).wrong == std::vector<std::int64_t>{3, 5});
  item.answers = {*model.tokenizer().single(" black")};
  CHECK_THROWS_WITH(color_places(item), contains("0 of its three colours"));
  item.clean.spans.erase("C2");
  CHECK_THROWS_WITH(color_places(item), contains("no span \"C2\""));
  CHECK_THROWS_WITH(reuse_heads(model, {.heads = {{0, 4}}, .movers = kMover}),
                    contains("head 0.4"));
  const ReuseHeads given =
      reuse_heads(model, {.heads = {{0, 1}, {1, 0}}, .movers = {{1, 0}, {1, 3}}});
  CHECK(given.inhibition == std::vector<HeadId>{{0, 1}, {1, 0}});
  CHECK(given.movers == std::vector<HeadId>{{1, 3}});  // not one that is set
}
