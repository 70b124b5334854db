#include "lib/model/batch.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/tensor/ops.h"

namespace headscope {

bool BatchLayout::padded() const {
  return std::any_of(pads.begin(), pads.end(), [](std::int64_t pad) { return pad > 0; });
}

Tensor BatchLayout::position_ids() const {
  Tensor ids = at::empty({rows, columns}, at::kLong);
  auto* out = ids.data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      *out++ = std::max<std::int64_t>(0, position(row, column));
    }
  }
  return ids;
}

const RowText* BatchLayout::text(std::int64_t row) const {
  if (texts == nullptr || static_cast<std::int64_t>(texts->size()) != rows) {
    return nullptr;
  }
  const RowText& text = (*texts)[static_cast<std::size_t>(row)];
  const std::int64_t needed = keys() - pads[static_cast<std::size_t>(row)];
  return static_cast<std::int64_t>(text.tokens.size()) < needed ? nullptr : &text;
}

Batch Batch::of(const std::vector<const Prompt*>& prompts) {
  std::vector<std::vector<std::int32_t>> tokens;
  for (const Prompt* prompt : prompts) {
    tokens.push_back(prompt->tokens);
  }
  Batch batch(tokens);
  auto texts = std::make_shared<std::vector<RowText>>(*batch.layout_.texts);
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    (*texts)[row].spans = prompts[row]->spans;
    (*texts)[row].prompt_tokens -= prompts[row]->written;
  }
  batch.layout_.texts = std::move(texts);
  return batch;
}

Batch::Batch(const std::vector<std::vector<std::int32_t>>& prompts) {
  if (prompts.empty()) {
    throw UsageError("a batch needs at least one prompt");
  }
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    if (prompts[row].empty()) {
      throw UsageError("prompt {} is empty; give it a token, for example with --prepend-bos yes",
                       row);
    }
    layout_.columns = std::max(layout_.columns, static_cast<std::int64_t>(prompts[row].size()));
  }
  layout_.rows = static_cast<std::int64_t>(prompts.size());
  layout_.total = layout_.columns;
  tokens_ = at::zeros({layout_.rows, layout_.columns}, at::kLong);
  auto* out = tokens_.data_ptr<std::int64_t>();
  for (const auto& prompt : prompts) {
    const std::int64_t pad = layout_.columns - static_cast<std::int64_t>(prompt.size());
    layout_.pads.push_back(pad);
    std::copy(prompt.begin(), prompt.end(), out + pad);
    out += layout_.columns;
  }
  auto texts = std::make_shared<std::vector<RowText>>();
  for (const auto& prompt : prompts) {
    texts->push_back({.tokens = prompt, .prompt_tokens = static_cast<std::int64_t>(prompt.size())});
  }
  layout_.texts = std::move(texts);
}

void Batch::describe(std::shared_ptr<const std::vector<RowText>> texts) {
  if (static_cast<std::int64_t>(texts->size()) != layout_.rows) {
    throw UsageError("texts of {} rows for a batch of {}", texts->size(), layout_.rows);
  }
  layout_.texts = std::move(texts);
}

void Batch::read_at(std::vector<std::int64_t> tokens) {
  if (static_cast<std::int64_t>(tokens.size()) != layout_.rows) {
    throw UsageError("{} tokens to read at for a batch of {} rows", tokens.size(), layout_.rows);
  }
  for (std::int64_t row = 0; row < layout_.rows; ++row) {
    const std::int64_t token = tokens[static_cast<std::size_t>(row)];
    if (token < 0 || token >= layout_.length(row)) {
      throw UsageError(
          "prompt {} of {} tokens is to be read at token {}", row, layout_.length(row), token);
    }
  }
  layout_.read_at = std::move(tokens);
}

void Batch::number_prompts(std::vector<std::int64_t> prompts) {
  if (static_cast<std::int64_t>(prompts.size()) != layout_.rows) {
    throw UsageError("{} prompts for a batch of {} rows", prompts.size(), layout_.rows);
  }
  layout_.prompts = std::move(prompts);
}

void Batch::check(const ModelConfig& config, std::int64_t past) const {
  if (past + layout_.columns > config.n_ctx) {
    throw UsageError("prompt of {} tokens is longer than the model's context of {}",
                     past + layout_.columns,
                     config.n_ctx);
  }
  const auto* token = tokens_.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < tokens_.numel(); ++i) {
    if (token[i] < 0 || token[i] >= config.d_vocab) {
      throw UsageError("token {} in prompt {} is outside the vocabulary of {}",
                       token[i],
                       i / layout_.columns,
                       config.d_vocab);
    }
  }
}

}  // namespace headscope
