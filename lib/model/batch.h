// Prompts as the model sees them: left-padded token ids. Padding, masks and position ids are worked
// out here and nowhere else.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/model/config.h"
#include "lib/model/row_text.h"
#include "lib/tensor/tensor.h"

namespace headscope {

// Where each row's tokens lie in the tensors of one forward pass. Row b's column t holds its token
// number `past + t − pads[b]`; a negative number is padding.
struct BatchLayout {
  std::int64_t rows = 0;
  std::int64_t columns = 0;        // T of this pass
  std::int64_t past = 0;           // columns already in the KV cache
  std::int64_t total = 0;          // past + columns, plus chunks of the same prompt still to come
  std::vector<std::int64_t> pads;  // [rows], padding columns at the left, counted from column 0
  // [rows], the token of each row at which Logits::last are read (a [MASK]); empty: the last one.
  std::vector<std::int64_t> read_at = {};
  // [rows], which prompt of a longer list each row is; empty: row b is prompt b. Changes of chosen
  // prompts ask for it (hooks/selection.h).
  std::vector<std::int64_t> prompts = {};
  // [rows], or null where nobody said: what each row's tokens are, and which of them were written.
  std::shared_ptr<const std::vector<RowText>> texts = {};

  [[nodiscard]] bool padded() const;
  [[nodiscard]] std::int64_t keys() const { return past + columns; }
  [[nodiscard]] std::int64_t prompt(std::int64_t row) const {
    return prompts.empty() ? row : prompts[static_cast<std::size_t>(row)];
  }
  [[nodiscard]] std::int64_t position(std::int64_t row, std::int64_t column) const {
    return past + column - pads[static_cast<std::size_t>(row)];
  }
  // Tokens of the row once every chunk has run.
  [[nodiscard]] std::int64_t length(std::int64_t row) const {
    return total - pads[static_cast<std::size_t>(row)];
  }
  // Position ids [rows, columns], int64 on the CPU; padding gets 0.
  [[nodiscard]] Tensor position_ids() const;
  // The text of a row, with at least the tokens this pass has run by its end; null if unknown.
  [[nodiscard]] const RowText* text(std::int64_t row) const;
};

class Batch {
 public:
  // Throws UsageError if there is no prompt or an empty one.
  explicit Batch(const std::vector<std::vector<std::int32_t>>& prompts);
  // The same with the names of their spans.
  static Batch of(const std::vector<const Prompt*>& prompts);

  // Says which prompt of a longer list each row is. UsageError if there are not as many as rows.
  void number_prompts(std::vector<std::int64_t> prompts);
  // Says at which token of each row Logits::last are read. UsageError if there are not as many as
  // rows, or one outside its row.
  void read_at(std::vector<std::int64_t> tokens);
  // Says what the rows are, from their first tokens on: these columns are the last of them. A batch
  // that starts at the first tokens knows by itself. UsageError if there are not as many as rows.
  void describe(std::shared_ptr<const std::vector<RowText>> texts);

  [[nodiscard]] const Tensor& tokens() const { return tokens_; }  // [rows, columns] int64, CPU
  [[nodiscard]] const BatchLayout& layout() const { return layout_; }
  [[nodiscard]] std::int64_t rows() const { return layout_.rows; }

  // Throws UsageError: a token outside the vocabulary, or a prompt longer than the context.
  void check(const ModelConfig& config, std::int64_t past) const;

 private:
  Tensor tokens_;
  BatchLayout layout_;
};

}  // namespace headscope
