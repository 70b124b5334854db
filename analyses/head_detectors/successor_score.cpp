#include "analyses/head_detectors/successor_score.h"

#include <algorithm>

#include "analyses/head_detectors/head_samples.h"
#include "analyses/head_detectors/ov_circuit.h"
#include "lib/base/random.h"
#include "lib/model/norm.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

struct Prepared {
  Tensor streams;  // [pairs, d_model]
  Tensor targets;  // [targets, d_model]: their rows of W_U
  Tensor right;    // [pairs]: which of the targets
};

Prepared prepare(const Model& model, const SuccessionTask& task, const EffectiveEmbedding& which) {
  std::vector<std::int32_t> from;
  std::vector<std::int64_t> right;
  for (const auto& [token, successor] : task.pairs) {
    from.push_back(token);
    const auto place = std::lower_bound(task.targets.begin(), task.targets.end(), successor);
    right.push_back(place - task.targets.begin());
  }
  const at::Device device = to_torch(model.device());
  const Tensor ids = index_tensor({task.targets.begin(), task.targets.end()}, device);
  return {effective_embedding(model, from, which),
          model.weights().W_U.index_select(0, ids).to(at::kFloat),
          index_tensor(right, device)};
}

// [n_heads, pairs]
Tensor hits(const Model& model, std::int64_t layer, const Prepared& task) {
  const ModelConfig& c = model.config();
  const NormWeights final_gain{model.weights().ln_final.gain, {}};
  const Tensor written = ov_written(model, layer, task.streams, Biases::dropped);
  const Tensor normed = normalize(written, final_gain, c.norm, c.norm_eps);
  const Tensor logits = at::matmul(normed, task.targets.t());  // [H, pairs, targets]
  const Tensor right = task.right.view({1, -1, 1}).expand({c.n_heads, -1, 1});
  const Tensor own = logits.gather(2, right);
  return logits.ge(own).sum(2).eq(1).to(at::kDouble);  // itself alone
}

}  // namespace

Tensor successor_hits(const DetectorContext& context,
                      const std::vector<SuccessionTask>& tasks,
                      const EffectiveEmbedding& embedding) {
  std::vector<Prepared> prepared;
  for (const SuccessionTask& task : tasks) {
    prepared.push_back(prepare(context.model, task, embedding));
  }
  return over_layers(context, 1, [&](std::int64_t layer) {
    std::vector<Tensor> all;
    for (const Prepared& task : prepared) {
      all.push_back(hits(context.model, layer, task).t());
    }
    return at::cat(all);
  });
}

std::function<Tensor(const Tensor&)> ov_logits(const Model& model,
                                               const HeadId& head,
                                               const std::vector<TokenId>& tokens) {
  const Tensor ids = index_tensor({tokens.begin(), tokens.end()}, to_torch(model.device()));
  const Tensor W_U = model.weights().W_U.index_select(0, ids).to(at::kFloat);
  return [&model, head, W_U](const Tensor& streams) {
    const ModelConfig& c = model.config();
    const Tensor out = ov_written(model, head.layer, streams, Biases::dropped)[head.head];
    const NormWeights gain{model.weights().ln_final.gain, {}};
    return at::matmul(normalize(out, gain, c.norm, c.norm_eps), W_U.t());
  };
}

std::vector<SuccessionTask> shuffled(std::vector<SuccessionTask> tasks, std::uint64_t seed) {
  Random random(seed, "successors");
  for (SuccessionTask& task : tasks) {
    // Sattolo's cycle: everyone gets another's.
    for (std::size_t i = task.pairs.size(); i > 1; --i) {
      std::swap(task.pairs[i - 1].second, task.pairs[random.below(i - 1)].second);
    }
  }
  return tasks;
}

}  // namespace headscope
