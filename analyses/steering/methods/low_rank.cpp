#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <ATen/ops/cat.h>

#include "analyses/steering/applied.h"
#include "analyses/steering/head_choice.h"
#include "analyses/steering/methods.h"
#include "hooks/address.h"
#include "lib/base/error.h"
#include "lib/base/head_scores.h"
#include "lib/model/batch_plan.h"
#include "lib/tensor/dense.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

constexpr std::int64_t kCompressedHeads = 10;
constexpr std::int64_t kKeptDirections = 8;

// A site's values at every token of the prompts, a layer [tokens, heads, d_head].
class EveryToken final : public Tap {
 public:
  EveryToken(Site site, const std::set<std::int64_t>& layers) : site_(site), layers_(layers) {}

  [[nodiscard]] Interest wants(HookPoint point) const override {
    return point.site == site_ && layers_.contains(point.layer) ? Interest::observe
                                                                : Interest::none;
  }

  Tensor visit(const Visit& visit, const Tensor& value) override {
    for (std::int64_t row = 0; row < visit.layout.rows; ++row) {
      const std::int64_t pad = visit.layout.pads[static_cast<std::size_t>(row)];
      rows[visit.point.layer].push_back(
          value[row].narrow(0, pad, value.size(1) - pad).to(at::kCPU, at::kDouble).clone());
    }
    return value;
  }

  std::map<std::int64_t, std::vector<Tensor>> rows;

 private:
  Site site_;
  const std::set<std::int64_t>& layers_;
};

void watch_prompts(const Model& model, const SteerData& data, EveryToken& tap) {
  std::vector<std::int64_t> lengths;
  for (const SteerItem& item : data.items) {
    lengths.push_back(std::ssize(item.prompt.tokens));
  }
  for (const auto& places : plan_batches(lengths, {.most_tokens = 2048})) {
    std::vector<const Prompt*> prompts;
    for (const std::size_t place : places) {
      prompts.push_back(&data.items[place].prompt);
    }
    model.forward(Batch::of(prompts), tap, {.logits = Logits::none});
  }
}

Site compressed_site(const SteerRequest& request) {
  const std::string name = request.settings.site.value_or("attn.hook_q");
  const Site site = resolve_hooks("blocks.0." + name, request.model.config()).front().site;
  if (site != Site::q && site != Site::k && site != Site::v) {
    throw UsageError("--site {}: low-rank keeps directions of hook_q, hook_k or hook_v", name);
  }
  return site;
}

// Those whose removal is estimated to change the score most, either way.
std::vector<HeadId> heads_that_matter(const SteerRequest& request) {
  const Contrast contrast(request.fit);
  HeadScores sizes = estimated_effects(request.model, contrast, Site::z, value_times_gradient);
  for (double& size : sizes.values) {
    size = std::abs(size);
  }
  const auto count = static_cast<std::size_t>(request.settings.top.value_or(kCompressedHeads));
  if (count < 1 || count > sizes.size()) {
    throw UsageError("--top {}: the model has {}", count, sizes.size());
  }
  return top_heads(sizes, count);
}

// [heads, r, d]: of each head of `values` [tokens, heads, d] the r directions it lies along most;
// fewer where one head has not as many.
Tensor strongest_directions(const Tensor& values, std::int64_t rank) {
  std::vector<Tensor> axes;
  std::int64_t least = rank;
  for (std::int64_t head = 0; head < values.size(1); ++head) {
    axes.push_back(principal_axes(values.select(1, head).contiguous(), rank).axes);
    least = std::min(least, axes.back().size(0));
  }
  for (Tensor& own : axes) {
    own = own.narrow(0, 0, least);
  }
  return at::stack(axes).to(at::kFloat);
}

// Of query heads, those of the site: themselves, or the heads of keys and values that they read.
std::vector<HeadId> heads_at(const std::vector<HeadId>& heads,
                             Site site,
                             const ModelConfig& config) {
  if (site == Site::q) {
    return heads;
  }
  std::set<HeadId> shared;
  for (const HeadId& head : heads) {
    shared.insert({head.layer, head.head / config.heads_per_kv()});
  }
  return {shared.begin(), shared.end()};
}

Steering fit_low_rank(const SteerRequest& request) {
  const Model& model = request.model;
  const Site site = compressed_site(request);
  const std::int64_t rank = request.settings.rank.value_or(kKeptDirections);
  if (rank < 1 || rank > model.config().d_head) {
    throw UsageError("--rank {}: heads have {} directions", rank, model.config().d_head);
  }
  const std::vector<HeadId> heads = heads_at(heads_that_matter(request), site, model.config());
  const auto layers = heads_by_layer(heads);
  std::set<std::int64_t> watched;
  for (const auto& [layer, list] : layers) {
    watched.insert(layer);
  }
  EveryToken tap(site, watched);
  watch_prompts(model, request.fit, tap);
  Steering out{.direction = direction_of(model, "low-rank", Op::low_rank), .edits = {}};
  out.chosen["heads"] = OrderedJson::array();
  for (const auto& [layer, list] : layers) {
    const std::string point = hook_name(site, static_cast<int>(layer));
    out.direction.points.push_back(
        {.name = point,
         .heads = list,
         .values = strongest_directions(at::cat(tap.rows.at(layer)), rank)});
    out.edits.push_back(with_own_values(point, list, Op::low_rank, 1.0));
    if (site != Site::q) {
      std::swap(out.edits.back().where.heads, out.edits.back().where.kv_heads);
    }
    for (const std::int64_t head : list) {
      out.chosen["heads"].push_back({{"head", to_string(HeadId{layer, head})}});
    }
  }
  return out;
}

}  // namespace

SteerMethod low_rank_method() {
  return {.name = "low-rank",
          .summary = "Queries, keys or values of heads kept in a few directions",
          .definition =
              "the --top (default 10) of the largest |Σ z · ∂score/∂z|; x of --site (default "
              "attn.hook_q; or hook_k, hook_v: the heads of keys and values they read) becomes "
              "x Q Qᵀ, Q the --rank (default 8) first right singular vectors of x at every token "
              "of the prompts, not centred. steer sweep --rank keeps fewer of them",
          .source =
              "Lieberum et al. 2023, Does circuit analysis interpretability scale?, "
              "arXiv:2307.09458 (there: of the differences between answer labels)",
          .reads = {"site", "top", "rank"},
          .fit = fit_low_rank};
}

}  // namespace headscope
