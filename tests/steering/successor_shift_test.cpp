// Ordinal arithmetic inside a run, on a model whose successor head is made by hand.
#include <cmath>

#include "analyses/head_detectors/number_features.h"
#include "analyses/known_models/hand_made.h"
#include "analyses/known_models/known_model.h"
#include "analyses/known_models/words.h"
#include "analyses/steering/contrast.h"
#include "analyses/steering/steer_eval.h"
#include "analyses/steering/steer_method.h"
#include "hooks/standing_interventions.h"
#include "lib/base/error.h"
#include "lib/families/load.h"
#include "lib/generate/generate.h"
#include "lib/tensor/ops.h"
#include "tests/steering/examples.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr int kNumbers = 60;

// MLP0 tells a number's last digit and its tens apart; head 1.2, which reads the values of KV head
// 1, attends to numbers and writes the tens and the digit after the last one.
KnownModelParts make_counter() {
  WordVocabulary words;
  std::vector<std::string> list;
  for (int n = 0; n < kNumbers; ++n) {
    list.push_back(std::to_string(n));
  }
  const Space numbers = words.add(list);
  const Space filler = words.add({"then", "so"});
  HandMadeModel model({.n_layers = 2, .n_heads = 4, .n_kv_heads = 2, .n_ctx = 16}, words.size());
  const Space digit = model.space(10);
  const Space tens = model.space(kNumbers / 10);
  const Space next_digit = model.space(10);
  const Space same_tens = model.space(kNumbers / 10);
  const Space unread = model.space(filler.size);
  Relabelling after;
  Relabelling said;
  for (int n = 0; n < kNumbers; ++n) {
    model.neuron(0,
                 {.read = {{numbers.at(n), 1.0}},
                  .write = {{digit.at(n % 10), 1.0}, {tens.at(n / 10), 1.0}}});
    said.emplace_back(next_digit.at(n % 10), numbers.at(n));
    said.emplace_back(same_tens.at(n / 10), numbers.at(n));
  }
  for (int d = 0; d < 10; ++d) {
    after.emplace_back(digit.at(d), next_digit.at((d + 1) % 10));
  }
  HandMadeHead& successor = model.head(1, 2);
  for (int t = 0; t < kNumbers / 10; ++t) {
    successor.prefer(tens.at(t), 9.0);
    after.emplace_back(tens.at(t), same_tens.at(t));
  }
  // Directions of the stream, from all of it into all of it.
  const Space all{0, unread.at(filler.size)};
  successor.relabel(all, all, after);
  model.head(1, 0).move(filler, unread);
  model.unembed(all, said, 10.0);
  return {model.config(),
          model.weights(),
          words.all(),
          {{{"then", "13", "then"}, {"then", "14", "then"}, "14", "15", "word"}},
          {.edges = {"input->logits"}, .constant_edges = {}, .not_found_by = {}}};
}

Model counter(const TempFolder& folder) {
  const KnownModel known{.name = "counter", .summary = "", .mechanism = "", .make = make_counter};
  write_known_model(known, folder.file("model"));
  return load_model(folder.file("model").string());
}

// What is written behind a prompt, one word at a time.
std::string said(const Model& model,
                 const std::string& prompt,
                 const std::shared_ptr<const StandingChange>& change = nullptr) {
  Generation generation(model);
  generation.join({.prompt = model.tokenizer().encode(prompt, PrependBos::automatic),
                   .stop = {.max_new = 1, .at_end_of_turn = AtEndOfTurn::go_on},
                   .change = change});
  while (generation.step()) {
  }
  return model.tokenizer().decode({generation.text(0).tokens.front().token});
}

SteerData examples(const Model& model, const TempFolder& folder) {
  std::string lines;
  for (const int tens : {1, 2, 3, 4}) {
    lines += fmt::format(
        "{{\"prompt\": \"then {0}3 then\", \"positive\": \" {0}7\", \"negative\": \" {0}4\"}}\n",
        tens);
  }
  return data_of(lines, model, folder);
}

Steering fitted(const Model& model, const SteerData& data, SteerSettings settings) {
  const SteerSplit split = split_of(data, 0.25, 0);
  return fit_steering(find_steer_method("successor-shift"),
                      {.model = model,
                       .fit = split.fit,
                       .held_out = split.held_out,
                       .settings = std::move(settings)});
}

}  // namespace

TEST_CASE("numbers that end in 3 are read as if they ended in 6, by the successor head alone") {
  const TempFolder folder;
  const Model model = counter(folder);
  REQUIRE(said(model, "then 13 then").find("14") != std::string::npos);
  const SteerData data = examples(model, folder);
  const Steering steering = fitted(model, data, {.digits = "3:6"});
  REQUIRE(steering.direction.points.size() == 1);
  const SteeringDirection::Point& point = steering.direction.points[0];
  CHECK(point.name == "blocks.1.hook_v_input");
  CHECK(point.heads == std::vector<std::int64_t>{1});
  CHECK(steering.chosen["heads"][0]["head"] == "1.2");
  CHECK(steering.chosen["heads"][0]["moved_by_it_alone"] == 1.0);
  CHECK(steering.direction.scores["mod10_probe_accuracy"] == 1.0);
  // MLP0 writes e_digit + e_tens, so that the difference of the classes is e_6 − e_3.
  const std::int64_t first = 1 + kNumbers + 2;  // of the digits' directions
  Tensor want = at::zeros({2, model.config().d_model}, at::kFloat);
  want[1][first + 6].fill_(1.0);
  want[1][first + 3].fill_(-1.0);
  CHECK(difference(point.values, want) < 1e-5);

  write_direction(steering.direction, steering.edits, folder.file("d"));
  const auto change = standing_interventions(model, folder.file("d") / "edits.json");
  for (const int n : {13, 23, 43, 53}) {
    CAPTURE(n);
    const std::string prompt = fmt::format("so {} then", n);
    CHECK(said(model, prompt) == said(model, fmt::format("then {} so", n)));
    CHECK(said(model, prompt, change) == said(model, fmt::format("so {} then", n + 3)));
  }
  CHECK(said(model, "then 14 then", change) == said(model, "then 14 then"));  // ends in no 3
  CHECK(steering.direction.scores["held_out"]["before"].get<double>() < -5.0);
  CHECK(steering.direction.scores["held_out"]["after"].get<double>() > 5.0);

  write_text(folder.file("text"), "then 13 so 14 then 15 so 16 then 23 so 24");
  const NeutralText neutral(model, folder.file("text"), 10);
  std::vector<Intervention> stored = steering.edits;
  stored[0].values.file->path = folder.file("d");
  const SteerEval eval = evaluate_edits(model, stored, {}, data, neutral, {.draws = 6});
  CHECK(eval.works());
  CHECK(eval.control == "random directions");
}

TEST_CASE("successor arithmetic refuses digits that are none, and tokenizers that split numbers") {
  const TempFolder folder;
  const Model model = counter(folder);
  const SteerData data = examples(model, folder);
  for (const std::string digits : {"", "3", "3:3", "3:17", "a:b"}) {
    CAPTURE(digits);
    SteerSettings settings;
    settings.digits = digits;
    CHECK_THROWS_WITH(fitted(model, data, settings), contains("--digits FROM:TO"));
  }
  CHECK_THROWS_WITH(fitted(model, data, {.top = 5, .digits = "3:6"}), contains("--top 5"));
  const TempFolder other;
  const Model llama = load(huggingface_fixture("llama"));
  CHECK_THROWS_WITH(fitted(llama, data_of(pair_lines(), llama, other), {.digits = "3:6"}),
                    contains("numbers in a row only"));
}

TEST_CASE("a digit's move is judged by the nearest number that ends so") {
  // Rows e_digit + e_tens: the move from 3 to 6 changes nothing else.
  Tensor rows = at::zeros({kNumbers, 16}, at::kFloat);
  for (std::int64_t n = 0; n < kNumbers; ++n) {
    rows[n][n % 10].fill_(1.0);
    rows[n][10 + n / 10].fill_(1.0);
  }
  const Tensor move = digit_move(rows, {.from = 3, .to = 6});
  CHECK(difference(rows[23] + move, rows[26]) < 1e-6);
  // Says the number behind the one that the row is of.
  const auto next = [&](const Tensor& streams) {
    return at::matmul(streams, rows.roll(-1, 0).t());
  };
  CHECK(digit_move_accuracy(rows, {.from = 3, .to = 6}, next) == 0.0);
  const auto after = [&](const Tensor& streams) {  // logit n: of row n − 1
    return at::matmul(streams, rows.roll(1, 0).t());
  };
  CHECK(digit_move_accuracy(rows, {.from = 3, .to = 6}, after) == 1.0);
  // 13 lies in the middle between 8 and 18, and so on: none is nearest.
  CHECK(std::isnan(digit_move_accuracy(rows, {.from = 3, .to = 7}, after)));
}
