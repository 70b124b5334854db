#include "analyses/head_detectors/end_attention.h"

#include "analyses/sweep/positions.h"
#include "analyses/sweep/prompt_batch.h"
#include "lib/model/memory_need.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

class LastRowTap final : public Tap {
 public:
  explicit LastRowTap(Tensor spans) : spans_(std::move(spans)) {}  // [S, B, T] f64

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == Site::pattern ? Interest::observe : Interest::none;
  }
  Tensor visit(const Visit&, const Tensor& pattern) override {
    const Tensor last = pattern.select(2, pattern.size(2) - 1).to(at::kCPU, at::kDouble);
    layers.push_back(at::einsum("bhk,sbk->sbh", {last, spans_}));
    return pattern;
  }

  std::vector<Tensor> layers;  // [S, B, H]

 private:
  Tensor spans_;
};

}  // namespace

Tensor end_attention(const Model& model, const Task& task, const std::vector<std::string>& spans) {
  const ModelConfig& c = model.config();
  const auto items = static_cast<std::int64_t>(task.items.size());
  Tensor all = at::zeros({static_cast<std::int64_t>(spans.size()), items, c.n_layers, c.n_heads},
                         at::kDouble);
  for (const PromptBatch& batch : prompt_batches(task.items, kTokensWithLogits)) {
    std::vector<Tensor> masks;
    for (const std::string& span : spans) {
      masks.push_back(chosen_columns({span}, batch, task.items).to(at::kDouble));
    }
    LastRowTap tap(at::stack(masks));
    model.forward(batch.clean, tap, {.logits = Logits::none});
    all.index_copy_(1, index_tensor(batch.items, at::kCPU), at::stack(tap.layers, 2));
  }
  return all;
}

}  // namespace headscope
