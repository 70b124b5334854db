// Heads that another task's examples chose, as the control for those of one's own.
#include <set>

#include <ATen/ops/equal.h>

#include "analyses/metric/summary.h"
#include "analyses/steering/applied.h"
#include "analyses/steering/contrast.h"
#include "analyses/steering/edit_taps.h"
#include "analyses/steering/steer_eval.h"
#include "analyses/steering/steer_method.h"
#include "lib/base/error.h"
#include "lib/tensor/ops.h"
#include "tests/steering/examples.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Steering fitted(const Model& model,
                const SteerData& data,
                const std::string& method,
                SteerSettings settings) {
  const SteerSplit split = split_of(data, 0.25, 0);
  return fit_steering(find_steer_method(method),
                      {.model = model,
                       .fit = split.fit,
                       .held_out = split.held_out,
                       .settings = std::move(settings)});
}

// As steer fit keeps it.
void keep(Steering steering, const std::filesystem::path& folder) {
  steering.direction.made = {{"chosen", Json::parse(steering.chosen.dump())}};
  write_direction(steering.direction, steering.edits, folder);
}

std::vector<HeadId> chosen(const Steering& steering) {
  std::vector<HeadId> heads;
  for (const OrderedJson& one : steering.chosen["heads"]) {
    heads.push_back(parse_head_id(one["head"].get<std::string>()));
  }
  return heads;
}

}  // namespace

TEST_CASE("--heads learns the values of heads by number, or of those another direction chose") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData own = data_of(pair_lines(" c", " d"), model, folder);
  const std::string other = folder.file("other").string();
  // Heads that no method would choose in this order.
  Steering elsewhere = fitted(model, own, "knockout", {.top = 1});
  elsewhere.chosen["heads"] = {{{"head", "2.3"}}, {{"head", "0.1"}}, {{"head", "2.0"}}};
  keep(elsewhere, other);

  const std::vector<HeadId> named{{2, 3}, {0, 1}, {2, 0}};
  for (const std::string method : {"lofit", "iti"}) {
    CAPTURE(method);
    const Steering all = fitted(model, own, method, {.heads = other});
    CHECK(chosen(all) == named);
    REQUIRE(all.direction.points.size() == 2);
    CHECK(all.direction.points[1].heads == std::vector<std::int64_t>{0, 3});
    const Tensor norms = all.direction.points[1].values.pow(2).sum(-1);
    for (const std::int64_t head : {0, 1, 2, 3}) {
      CHECK((norms[head].item<double>() > 0.0) == (head == 0 || head == 3));
    }
    const Steering numbered = fitted(model, own, method, {.heads = "2.3,0.1,2.0"});
    CHECK(chosen(numbered) == named);
    CHECK(at::equal(numbered.direction.points[1].values, all.direction.points[1].values));
    CHECK_THROWS_WITH(fitted(model, own, method, {.heads = "2.4"}), contains("--heads 2.4"));
    const Steering two = fitted(model, own, method, {.top = 2, .heads = other});
    CHECK(chosen(two) == std::vector<HeadId>{{2, 3}, {0, 1}});
    CHECK_THROWS_WITH(fitted(model, own, method, {.top = 4, .heads = other}), contains("--top 4"));
  }
  // v of those heads is trained as it would be had they been chosen here.
  const Steering first = fitted(model, own, "lofit", {.steps = 2});
  keep(first, folder.file("first"));
  const Steering again =
      fitted(model, own, "lofit", {.steps = 2, .heads = folder.file("first").string()});
  CHECK(chosen(again) == chosen(first));
  CHECK(again.direction.scores["held_out"]["after"].get<double>() >
        again.direction.scores["held_out"]["before"].get<double>());

  keep(fitted(model, own, "mean-diff", {.layers = {{1}}}), folder.file("mean"));
  CHECK_THROWS_WITH(fitted(model, own, "lofit", {.heads = folder.file("mean").string()}),
                    contains("mean-diff chose no heads"));
  elsewhere.direction.weights_hash = "xxh3:0";
  keep(elsewhere, other);
  CHECK_THROWS_WITH(fitted(model, own, "lofit", {.heads = other}),
                    contains("learned from another model"));
  CHECK_THROWS_WITH(fitted(model, own, "knockout", {.heads = other}),
                    contains("knockout does not read --heads"));
}

TEST_CASE("against other edits, an effect is compared item by item") {
  const TempFolder folder;
  const Model model = load(huggingface_fixture("llama"));
  const SteerData task = data_of(pair_lines(" c", " d"), model, folder);
  const NeutralText neutral(model, {}, 32);
  const std::vector<Intervention> ours = at_heads({{1, 2}}, Op::zero, 1.0);
  const std::vector<Intervention> theirs = at_heads({{2, 0}, {0, 1}}, Op::scale, 3.0);
  const SteerEval eval = evaluate_edits(model, ours, {}, task, neutral, {.draws = 0});
  const SteerRival rival = evaluate_rival(model, theirs, eval, task, neutral, 5);

  const Contrast contrast(task);
  const auto base = contrast.scores(model, unchanged);
  const auto ours_after = contrast.scores(model, taps_of(model, ours));
  const auto theirs_after = contrast.scores(model, taps_of(model, theirs));
  std::vector<double> effect;
  std::vector<double> more;
  for (std::size_t i = 0; i < base.size(); ++i) {
    effect.push_back(theirs_after[i] - base[i]);
    more.push_back(ours_after[i] - theirs_after[i]);
  }
  CHECK(rival.effect.mean == Approx(mean_of(effect)).margin(1e-6));
  CHECK(rival.more.mean == Approx(mean_of(more)).margin(1e-6));
  CHECK(rival.more.low == Approx(summarize(more, {.seed = 5}).low).margin(1e-5));
  CHECK(rival.side.kl == Approx(neutral.under(model, taps_of(model, theirs)).kl).epsilon(1e-6));
  CHECK(rival.side.kl != Approx(eval.side.kl));
  const SteerRival same = evaluate_rival(model, ours, eval, task, neutral);
  CHECK(same.more.mean == Approx(0.0).margin(1e-9));
}
