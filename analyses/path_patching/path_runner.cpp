#include "analyses/path_patching/path_runner.h"

#include <algorithm>
#include <map>

#include "analyses/path_patching/frozen_tap.h"
#include "analyses/path_patching/receiver_input.h"
#include "analyses/path_patching/receiver_tap.h"
#include "analyses/sweep/continuation.h"
#include "analyses/sweep/staggered_forward.h"
#include "lib/base/error.h"
#include "lib/model/qkv.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// The layer whose incoming stream a receiver reads.
std::int64_t reads_at(const Receiver& receiver, const ModelConfig& config) {
  if (receiver.resid_post) {
    return *receiver.resid_post + 1;
  }
  return receiver.is_head() ? receiver.node.layer : config.n_layers;
}

class PathRunner final : public RowRunner {
 public:
  struct Parts {
    const Model& model;
    const RunValues& run;
    const PathOptions& options;
    std::int64_t kept_from;
    BatchLayout layout;  // of the whole batch
    std::int64_t first;
    std::int64_t end;
    Tensor changed;  // [B, s] bool on the device: where receivers' inputs are replaced
  };
  explicit PathRunner(Parts parts)
      : it_(std::move(parts)), prefix_(prefix_of(it_.model, it_.run, it_.first)) {}

  [[nodiscard]] std::optional<Tensor> logits(const std::vector<ResidualRows>& entering,
                                             const std::vector<std::int64_t>& vocab,
                                             const std::function<bool()>& stop) const override;

 private:
  using Streams = std::map<std::int64_t, Tensor>;  // entering a layer, of the rows so far
  [[nodiscard]] Stream run_frozen(const ResidualRows& from, std::int64_t to_layer) const;
  [[nodiscard]] Tensor run_changed(const Streams& streams,
                                   const Tensor& row,
                                   const ForwardOptions& options) const;

  Parts it_;
  KvPrefix prefix_;
};

Stream PathRunner::run_frozen(const ResidualRows& from, std::int64_t to_layer) const {
  const FrozenTap::From kept{it_.run, it_.kept_from, it_.first, from.row};
  const bool frozen = it_.options.mlps == PathOptions::Mlps::freeze;
  FrozenTap tap(kept, frozen ? FrozenTap::Mlps::frozen : FrozenTap::Mlps::run);
  // No attention runs, so columns before the first are as if they were not there.
  KvPrefix none;
  none.columns = it_.first;
  const Resume resume{.layout = layout_of_rows(it_.layout, it_.first, from.row),
                      .residual = from.streams,
                      .layer = from.layer,
                      .at = from.at,
                      .prefix = &none};
  return {it_.model.resume(resume, tap, {.logits = Logits::none, .to_layer = to_layer}).residual,
          from.row};
}

// D: from the first receiver's layer on.
Tensor PathRunner::run_changed(const Streams& streams,
                               const Tensor& row,
                               const ForwardOptions& options) const {
  const BatchLayout layout = layout_of_rows(it_.layout, it_.first, row);
  std::int64_t start = it_.model.config().n_layers;
  std::vector<ReceiverTap::Input> inputs;
  for (const Receiver& receiver : it_.options.receivers) {
    start = std::min(start, receiver.layer());
    const auto found = streams.find(reads_at(receiver, it_.model.config()));
    if (found == streams.end()) {
      continue;  // no row of this batch reaches it
    }
    const Tensor& stream = found->second;
    BatchLayout rows = layout_of_rows(it_.layout, it_.first, row.narrow(0, 0, stream.size(0)));
    inputs.push_back(
        {receiver,
         receiver.is_head() ? receiver_input(it_.model, receiver, stream, rows) : stream});
  }
  KvPrefix prefix = prefix_;
  prefix.row = row;
  ReceiverTap tap(it_.model, std::move(inputs), it_.changed.index_select(0, row), prefix);
  const Tensor before = it_.run.at(Site::resid_pre, start)
                            .narrow(1, it_.first - it_.kept_from, layout.columns)
                            .index_select(0, row);
  const Resume resume{.layout = layout,
                      .residual = before,
                      .layer = start,
                      .prefix = prefix.columns > 0 ? &prefix : nullptr};
  return it_.model.resume(resume, tap, options).logits;
}

std::optional<Tensor> PathRunner::logits(const std::vector<ResidualRows>& entering,
                                         const std::vector<std::int64_t>& vocab,
                                         const std::function<bool()>& stop) const {
  Streams streams;
  StaggeredForward with;
  with.run = [&](const ResidualRows& from, std::int64_t to_layer) {
    return run_frozen(from, to_layer);
  };
  with.at_layer = [&](std::int64_t layer, const Stream& stream) { streams[layer] = stream.resid; };
  with.stop = stop;
  const auto last = staggered_forward(entering, it_.end, with);
  if (!last) {
    return std::nullopt;
  }
  const ForwardOptions options{.logits = Logits::last, .vocab = vocab};
  if (!it_.options.receivers.front().is_logits()) {
    return run_changed(streams, last->row, options);
  }
  KvPrefix none;
  none.columns = it_.first;
  const Resume resume{.layout = layout_of_rows(it_.layout, it_.first, last->row),
                      .residual = last->resid,
                      .layer = it_.end,
                      .prefix = &none};
  return it_.model.resume(resume, options).logits;
}

}  // namespace

Paths::Paths(PathOptions options, const std::vector<TaskItem>& items, const ModelConfig& config)
    : options_(std::move(options)), items_(items), end_(0) {
  check(options_.receivers);
  if (const std::string why = why_no_sum(config); !why.empty()) {
    throw UsageError("a {} has no direct paths to patch: {}", config.family, why);
  }
  if (!has_mlp(config)) {
    options_.mlps = PathOptions::Mlps::recompute;  // there are none to freeze
  }
  for (const Receiver& receiver : options_.receivers) {
    if (receiver.is_head()) {
      require_heads_apart(config, receiver.input.value());
    }
    end_ = std::max(end_, reads_at(receiver, config));
  }
  if (end_ == 0) {
    throw UsageError("--receiver {}: nothing comes before layer 0",
                     to_string(options_.receivers[0]));
  }
}

std::vector<Site> Paths::sites(const ModelConfig&) const {
  std::vector<Site> sites{Site::attn_out, Site::resid_pre};
  if (options_.mlps == PathOptions::Mlps::freeze) {
    sites.push_back(Site::mlp_out);
  }
  return sites;
}

std::int64_t Paths::first_column(const PromptBatch& batch, std::int64_t first) const {
  if (options_.receivers.front().is_logits()) {
    return batch.columns() - 1;
  }
  const Tensor chosen = chosen_columns(options_.positions, batch, items_).any(0);
  while (first < batch.columns() - 1 && !chosen[first].item<bool>()) {
    ++first;
  }
  return first;
}

bool Paths::reaches(Site, std::int64_t layer) const {
  return layer < end_;
}

std::unique_ptr<RowRunner> Paths::make(const Model& model,
                                       const RunValues& run,
                                       std::int64_t kept_from,
                                       const PromptBatch& batch,
                                       std::int64_t first) const {
  const Tensor chosen = chosen_columns(options_.positions, batch, items_);
  return std::make_unique<PathRunner>(PathRunner::Parts{
      model,
      run,
      options_,
      kept_from,
      batch.layout(),
      first,
      end_,
      chosen.narrow(1, first, batch.columns() - first).to(to_torch(model.device()))});
}

}  // namespace headscope
