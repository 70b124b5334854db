// Puts other inputs into some heads of a running pass, and other streams after some layers.
#pragma once

#include <map>
#include <vector>

#include "analyses/path_patching/receiver.h"
#include "lib/model/attention_builder.h"
#include "lib/model/model.h"

namespace headscope {

class ReceiverTap final : public Tap {
 public:
  // What a receiver gets in the first n rows (the rest keep their own): queries and keys as
  // attention compares them, values as they are [n, s, d_head]; resid_post: the stream [n, s,
  // d_model].
  struct Input {
    Receiver receiver;
    Tensor value;
  };

  // `changed` [R, s] bool: the columns replaced. `prefix` is that of the pass. Both it and the
  // model outlive the tap.
  ReceiverTap(const Model& model,
              std::vector<Input> inputs,
              Tensor changed,
              const KvPrefix& prefix);

  [[nodiscard]] Interest wants(HookPoint point) const override;
  Tensor visit(const Visit& visit, const Tensor& value) override;

 private:
  [[nodiscard]] bool has_heads(int layer) const;
  // `own` [R, s, …] with the first rows of `value` where they are changed.
  [[nodiscard]] Tensor mixed(const Tensor& own, const Tensor& value) const;
  [[nodiscard]] Tensor changed_z(const Visit& visit, const Tensor& z) const;
  [[nodiscard]] Tensor head_z(AttentionBuilder& attention,
                              std::int64_t layer,
                              std::int64_t head) const;

  const Model& model_;
  std::vector<Input> inputs_;
  Tensor changed_;
  const KvPrefix& prefix_;
  Tensor q_, k_, v_;  // of the layer under way; k and v with the prefix
};

}  // namespace headscope
