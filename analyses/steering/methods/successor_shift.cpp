#include <algorithm>
#include <limits>
#include <map>

#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/number_features.h"
#include "analyses/head_detectors/successor_score.h"
#include "analyses/steering/applied.h"
#include "analyses/steering/methods.h"
#include "lib/base/error.h"
#include "lib/base/ordered_json.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kTenth = 10;
const EffectiveEmbedding kMlpOut{.part = EffectiveEmbedding::Part::mlp};

DigitMove wanted_move(const SteerSettings& settings) {
  const std::string text = settings.digits.value_or("");
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 3 || text[1] != ':' || !digit(text[0]) || !digit(text[2]) ||
      text[0] == text[2]) {
    throw UsageError(
        "successor-shift needs --digits FROM:TO, two different last digits of numbers, as in "
        "3:7{}",
        text.empty() ? "" : ", not " + text);
  }
  return {text[0] - '0', text[2] - '0'};
}

std::vector<TokenId> single_numbers(const Model& model) {
  std::vector<TokenId> numbers = number_tokens(model.tokenizer());
  if (std::ssize(numbers) < kFewestNumbers) {
    throw UsageError(
        "successor-shift: the tokenizer of {} has single tokens for {} numbers in a row only "
        "(it splits the others into digits); what numbers of a last digit share cannot be told "
        "from so few",
        model.source().name,
        numbers.size());
  }
  return numbers;
}

// Heads of the highest successor scores, of layers that MLP0's output reaches.
HeadScores successor_scores(const Model& model) {
  const Succession data = succession_tasks(model.tokenizer(), SuccessionLists::expanded);
  const DetectorContext context{.model = model, .seeds = {0}};
  HeadScores scores = head_scores(successor_hits(context, data.tasks, kMlpOut).mean(0));
  for (const HeadId& head : scores.heads()) {
    if (head.layer == 0) {
      scores[head] = std::numeric_limits<double>::quiet_NaN();
    }
  }
  return scores;
}

std::vector<HeadId> strongest_successors(const HeadScores& scores, std::int64_t count) {
  const std::int64_t reached = (scores.grid.n_layers - 1) * scores.grid.n_heads;
  if (count < 1 || count > reached) {
    throw UsageError("--top {}: the model has {} behind its first layer", count, reached);
  }
  return top_heads(scores, static_cast<std::size_t>(count));
}

TokenSet ending_in(const std::vector<TokenId>& numbers, std::int64_t digit) {
  TokenSet set;
  for (std::size_t n = static_cast<std::size_t>(digit); n < numbers.size(); n += kTenth) {
    set.tokens.push_back(numbers[n]);
  }
  return set;
}

// `move` added to what the values of the heads' groups read, at tokens that end in its first digit.
void add_moves(Steering& out,
               const SteerRequest& request,
               const std::vector<HeadId>& heads,
               const Tensor& move,
               const TokenSet& where) {
  const ModelConfig& config = request.model.config();
  for (auto [layer, list] : heads_by_layer(heads)) {
    for (std::int64_t& head : list) {
      head /= config.n_heads / config.n_kv_heads;
    }
    list.erase(std::unique(list.begin(), list.end()), list.end());
    Tensor values = at::zeros({config.n_kv_heads, config.d_model}, at::kFloat);
    for (const std::int64_t head : list) {
      values[head].copy_(move);
    }
    const std::string point = hook_name(Site::v_input, static_cast<int>(layer));
    out.direction.points.push_back({.name = point, .heads = list, .values = values});
    out.edits.push_back(with_own_values(point, {}, Op::add, request.settings.alpha.value_or(1.0)));
    out.edits.back().where.kv_heads = list;
    out.edits.back().where.apply.positions = where;
  }
}

Steering fit_successor_shift(const SteerRequest& request) {
  const Model& model = request.model;
  const DigitMove move = wanted_move(request.settings);
  const std::vector<TokenId> numbers = single_numbers(model);
  const HeadScores scores = successor_scores(model);
  const std::vector<HeadId> heads = strongest_successors(scores, request.settings.top.value_or(1));
  const Tensor rows = effective_embedding(model, numbers, kMlpOut);
  Steering out{.direction = direction_of(model, "successor-shift", Op::add), .edits = {}};
  add_moves(out, request, heads, digit_move(rows, move), ending_in(numbers, move.from));
  out.chosen["heads"] = OrderedJson::array();
  for (const HeadId& head : heads) {
    out.chosen["heads"].push_back(
        {{"head", to_string(head)},
         {"successor_score", scores[head]},
         {"moved_by_it_alone", digit_move_accuracy(rows, move, ov_logits(model, head, numbers))}});
  }
  out.direction.scores["numbers"] = numbers.size();
  out.direction.scores["mod10_probe_accuracy"] = mod10_probe(rows);
  return out;
}

}  // namespace

SteerMethod successor_shift_method() {
  return {.name = "successor-shift",
          .summary = "Successor heads read numbers as if they had another last digit",
          .definition =
              "m_n = MLP0(LN(W_E[n])) of the numbers that are one token, f_i = mean m_n over n = i "
              "mod 10; of --digits I:J alpha · (f_J − f_I) (default 1) is added to what the values "
              "of the --top (default 1) highest successor heads (their KV heads) read, at "
              "numbers that end in I: the heads then say what follows a number that ends in J. "
              "Needs a tokenizer that does not split numbers into digits",
          .source =
              "Gould et al. 2023, Successor heads, arXiv:2312.09230, section 3 (there f_i are "
              "features of a sparse autoencoder, and the head's output alone is read)",
          .reads = {"digits", "top", "alpha"},
          .fit = fit_successor_shift};
}

}  // namespace headscope
