#include "analyses/steering/contrast.h"

#include <algorithm>
#include <limits>

#include <ATen/ops/gather.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/logsumexp.h>

#include "lib/base/error.h"
#include "lib/model/batch_plan.h"
#include "lib/model/require_causal.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

struct ContrastRow {
  std::size_t item = 0;
  Prompt prompt;                   // with its spans, which edits may name
  std::vector<std::int32_t> tail;  // predicted: the last of the prompt's tokens and what follows
  float sign = 0.0F;               // 0: the row is the prompt alone
};

bool all_single(const SteerData& data) {
  const auto single = [](const auto& list) {
    return std::all_of(list.begin(), list.end(), [](const auto& one) { return one.size() == 1; });
  };
  return std::all_of(data.items.begin(), data.items.end(), [&](const SteerItem& item) {
    return single(item.positive) && single(item.negative);
  });
}

// The prompt and a continuation without its last token, which nothing follows: to an edit of the
// prompt, or of its last token, the continuation is what a model wrote.
ContrastRow continued(const SteerItem& item, std::size_t index, bool positive) {
  ContrastRow row{.item = index, .prompt = item.prompt, .tail = {}};
  row.tail = (positive ? item.positive : item.negative).front();
  row.sign = positive ? 1.0F : -1.0F;
  row.prompt.tokens.insert(row.prompt.tokens.end(), row.tail.begin(), row.tail.end() - 1);
  row.prompt.written = std::ssize(row.tail) - 1;
  return row;
}

std::vector<ContrastRow> contrast_rows(const SteerData& data) {
  const bool single = all_single(data);
  std::vector<ContrastRow> rows;
  for (std::size_t i = 0; i < data.items.size(); ++i) {
    const SteerItem& item = data.items[i];
    if (item.label) {
      throw UsageError(
          "{}: labelled texts do not say what should follow a prompt; give lines with \"prompt\", "
          "\"positive\" and \"negative\", or a task",
          data.path);
    }
    if (single) {
      rows.push_back({.item = i, .prompt = item.prompt, .tail = {}});
      continue;
    }
    if (item.positive.size() != 1 || item.negative.size() != 1) {
      throw UsageError(
          "{}: item {} has several continuations, of several tokens", data.path, item.id);
    }
    rows.push_back(continued(item, i, true));
    rows.push_back(continued(item, i, false));
  }
  return rows;
}

// Lists of tokens as one tensor, filled with −1 in front.
Tensor right_aligned(const std::vector<std::vector<std::int32_t>>& lists) {
  std::size_t most = 0;
  for (const auto& list : lists) {
    most = std::max(most, list.size());
  }
  Tensor out = at::full(
      {static_cast<std::int64_t>(lists.size()), static_cast<std::int64_t>(most)}, -1, at::kLong);
  for (std::size_t row = 0; row < lists.size(); ++row) {
    std::int64_t* to = out.mutable_data_ptr<std::int64_t>() + row * most;
    std::copy(lists[row].begin(), lists[row].end(), to + (most - lists[row].size()));
  }
  return out;
}

std::vector<std::int32_t> first_tokens(const std::vector<std::vector<std::int32_t>>& lists) {
  std::vector<std::int32_t> tokens;
  for (const auto& list : lists) {
    tokens.push_back(list.front());
  }
  return tokens;
}

Contrast::Rows rows_of(const SteerData& data, const std::vector<ContrastRow>& chosen) {
  std::vector<const Prompt*> prompts;
  std::vector<std::vector<std::int32_t>> tails;
  std::vector<std::vector<std::int32_t>> positive;
  std::vector<std::vector<std::int32_t>> negative;
  std::vector<float> signs;
  std::vector<std::size_t> items;
  for (const ContrastRow& row : chosen) {
    prompts.push_back(&row.prompt);
    items.push_back(row.item);
    tails.push_back(row.tail);
    signs.push_back(row.sign);
    positive.push_back(first_tokens(data.items[row.item].positive));
    negative.push_back(first_tokens(data.items[row.item].negative));
  }
  Contrast::Rows rows{.batch = Batch::of(prompts), .items = std::move(items)};
  if (signs.front() == 0.0F) {
    rows.positive = right_aligned(positive);
    rows.negative = right_aligned(negative);
  } else {
    rows.tokens = right_aligned(tails);
    rows.sign = at::tensor(signs, at::kFloat);
  }
  return rows;
}

// log Σ p over the tokens of each row.
Tensor log_sum(const Tensor& log_probs, const Tensor& tokens) {
  const Tensor at_tokens = at::gather(log_probs, 1, tokens.clamp_min(0));
  const Tensor none = at::full({}, -std::numeric_limits<double>::infinity(), at_tokens.options());
  return at::logsumexp(at::where(tokens >= 0, at_tokens, none), {1});
}

Tensor weights_of(const Contrast::Rows& rows, const std::vector<double>& weights) {
  std::vector<double> own;
  for (const std::size_t item : rows.items) {
    own.push_back(weights.at(item));
  }
  return at::tensor(own, at::kDouble);
}

}  // namespace

std::unique_ptr<Tap> unchanged() {
  return std::make_unique<NoTap>();
}

Tensor Contrast::Rows::objective(const Tensor& logits) const {
  const auto here = [&](const Tensor& tensor) { return tensor.to(logits.device()); };
  if (!sign.defined()) {
    const Tensor log_probs = at::log_softmax(logits, -1);
    return log_sum(log_probs, here(positive)) - log_sum(log_probs, here(negative));
  }
  const std::int64_t tail = tokens.size(1);
  const Tensor log_probs =
      at::log_softmax(logits.narrow(1, logits.size(1) - tail, tail), -1);  // [B, M, V]
  const Tensor targets = here(tokens);
  const Tensor each = at::gather(log_probs, 2, targets.clamp_min(0).unsqueeze(-1)).squeeze(-1);
  return at::where(targets >= 0, each, at::zeros_like(each)).sum(1) * here(sign);
}

Contrast::Contrast(const SteerData& data, std::int64_t batch_tokens) : items_(data.items.size()) {
  const std::vector<ContrastRow> rows = contrast_rows(data);
  std::vector<std::int64_t> lengths;
  for (const ContrastRow& row : rows) {
    lengths.push_back(static_cast<std::int64_t>(row.prompt.tokens.size()));
  }
  for (const auto& places : plan_batches(lengths, {.most_tokens = batch_tokens})) {
    std::vector<ContrastRow> chosen;
    for (const std::size_t place : places) {
      chosen.push_back(rows[place]);
    }
    batches_.push_back(rows_of(data, chosen));
  }
}

std::vector<double> Contrast::scores(const Model& model, const TapMaker& change) const {
  require_causal(model.config(), "steering");
  std::vector<double> scores(items_);
  for (const Rows& rows : batches_) {
    const std::unique_ptr<Tap> tap = change();
    const Tensor logits = model.forward(rows.batch, *tap, {.logits = rows.logits()}).logits;
    const Tensor each = rows.objective(logits).to(at::kCPU, at::kDouble);
    for (std::size_t i = 0; i < rows.items.size(); ++i) {
      scores[rows.items[i]] += each[static_cast<std::int64_t>(i)].item<double>();
    }
  }
  return scores;
}

std::vector<double> Contrast::gradients(const Model& model,
                                        GradientTap& tap,
                                        const std::vector<double>& weights) const {
  require_causal(model.config(), "steering");
  std::vector<double> scores(items_);
  for (const Rows& rows : batches_) {
    const Tensor weight = weights.empty() ? Tensor() : weights_of(rows, weights);
    const auto objective = [&](const Tensor& logits) {
      const Tensor own = rows.objective(logits);
      return weight.defined() ? own * weight.to(own.options()) : own;
    };
    const GradientResult result =
        headscope::gradients(model, rows.batch, objective, tap, {}, rows.logits());
    const Tensor each = rows.objective(result.logits).to(at::kCPU, at::kDouble);
    for (std::size_t i = 0; i < rows.items.size(); ++i) {
      scores[rows.items[i]] += each[static_cast<std::int64_t>(i)].item<double>();
    }
  }
  return scores;
}

}  // namespace headscope
