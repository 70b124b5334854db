// Changes that belong to rows of a batch rather than to the model: each row runs as it would alone
// under its own change.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/attention/attention.h"
#include "lib/model/standing_change.h"

namespace headscope {

// A batch's layout of some of its rows alone. `rows` are in ascending order.
BatchLayout rows_of(const BatchLayout& layout, const std::vector<std::int64_t>& rows);

// Taps of changes, each shown the rows that have it and nothing of the others. `tap` comes after
// them and sees, and edits, the changed values of all rows.
class RowChanges final : public Tap {
 public:
  // [rows] of the batch; null: the row runs unchanged. Rows that share a change are one group.
  using Changes = std::vector<std::shared_ptr<const StandingChange>>;
  RowChanges(const Changes& changes, Tap& tap);

  // For the rows that the next pass has. Taps of changes that stay keep what they worked out.
  void set_rows(const Changes& changes);

  void begin(const ModelConfig& config) override;
  void end() override;
  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;
  [[nodiscard]] bool wants_attention(int layer) const override;
  void visit_attention(const Visit& visit, const AttentionInputs& in) override;
  [[nodiscard]] bool changes_scores_fused(int layer) const override;
  void change_scores(const Visit& visit, AttentionInputs& in) override;
  [[nodiscard]] bool replayable() const override;
  void steps_start() override;
  void step_begins(const BatchLayout& layout) override;
  void step_ended() override;
  void recording_failed() override;

 private:
  struct Group {
    std::shared_ptr<const StandingChange> change;
    std::unique_ptr<Tap> tap;
    std::vector<std::int64_t> rows;
    Tensor index = {};   // the rows as a tensor, once asked for
    BatchLayout layout;  // of these rows, in the pass that runs
    bool placed = false;
  };
  const BatchLayout& layout_of(Group& group, const BatchLayout& whole);
  static const Tensor& index_of(Group& group, const at::Device& device);
  static AttentionInputs inputs_of(Group& group, const AttentionInputs& in);
  Tensor changed(Group& group, const Visit& visit, const Tensor& value);

  std::vector<Group> groups_;
  std::int64_t rows_ = 0;
  Tap& tap_;
};

}  // namespace headscope
