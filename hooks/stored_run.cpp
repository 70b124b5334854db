#include "hooks/stored_run.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "hooks/stored/identity.h"
#include "hooks/stored/provenance.h"
#include "lib/base/counted.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/shell.h"
#include "lib/model/attention_plan.h"
#include "lib/model/gradients.h"
#include "lib/model/standing_change.h"
#include "lib/tensor/ops.h"

namespace headscope {
namespace {

// What a recording may say of itself without its values being other than the model's own. The
// device, the seed and the version change no value beyond rounding.
const std::set<std::string> kKnownIdentity{"weights_hash",
                                           "tokenizer_hash",
                                           "config",
                                           "dtype",
                                           "device",
                                           "headscope_version",
                                           "seed",
                                           "prepend_bos",
                                           "weights",
                                           "task_hash",
                                           "run",
                                           "gradients_of",
                                           "interventions_hash",
                                           "attention_hash"};

// Of what must agree, as identity_difference() reads it.
Json same_model(const Json& identity) {
  Json chosen = Json::object();
  for (const char* key : {"weights_hash", "config", "dtype", "attention_hash"}) {
    if (identity.contains(key)) {
      chosen[key] = identity[key];
    }
  }
  return {{"identity", chosen}};
}

Json identity_of(const Model& model) {
  Json identity{{"weights_hash", model.source().weights_hash},
                {"config", to_json(model.config())},
                {"dtype", to_string(model.dtype())}};
  if (model.attention_plan()) {
    identity["attention_hash"] = model.attention_plan()->hash();
  }
  return identity;
}

std::string interventions_of(const Json& identity) {
  return identity.value("interventions_hash", std::string());
}

// What is wrong if a trace and the model here were not changed alike; empty if they were.
std::string change_difference(const std::string& there, const std::string& here) {
  if (there == here) {
    return {};
  }
  if (here.empty()) {
    return fmt::format(
        "recorded of a model changed by interventions ({}), but here it is unchanged (--intervene "
        "FILE changes it alike)",
        there);
  }
  return there.empty()
             ? fmt::format("recorded of the unchanged model, but --intervene changes it here ({})",
                           here)
             : fmt::format("recorded with other interventions: {} there but {} here", there, here);
}

void add_points(std::vector<std::string>& names,
                const std::vector<Site>& sites,
                const ModelConfig& config,
                std::string (*name_of)(HookPoint)) {
  for (const Site site : sites) {
    if (!info(site).per_block) {
      names.push_back(name_of({site, kNoLayer}));
      continue;
    }
    for (int layer = 0; layer < config.n_layers; ++layer) {
      names.push_back(name_of({site, layer}));
    }
  }
}

// As a user types it: quotes, so that a shell leaves the glob alone.
std::string hooks_option(Site site, std::string_view ending) {
  return info(site).per_block ? fmt::format(" --hooks 'blocks.*.{}{}'", info(site).name, ending)
                              : fmt::format(" --hooks {}{}", info(site).name, ending);
}

std::vector<std::int32_t> row_tokens(const Batch& batch, std::int64_t row) {
  const std::int64_t pad = batch.layout().pads[static_cast<std::size_t>(row)];
  const Tensor own = batch.tokens()[row].narrow(0, pad, batch.layout().columns - pad).contiguous();
  const auto* ids = own.const_data_ptr<std::int64_t>();
  return {ids, ids + own.numel()};
}

// Where a row's values lie in a batch: ragged axes behind its padding.
Tensor own_part(Tensor row, const std::vector<std::string>& axes, std::int64_t pad) {
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    if (is_ragged_axis(axes[axis])) {
      const auto at = static_cast<std::int64_t>(axis);
      row = row.narrow(at, pad, row.size(at) - pad);
    }
  }
  return row;
}

}  // namespace

StoredRun::StoredRun(std::filesystem::path path) : path_(std::move(path)), reader_(path_) {
  for (std::size_t i = 0; i < reader_.prompt_count(); ++i) {
    const auto [same, fresh] = index_.emplace(reader_.prompt(i).tokens, i);
    if (!fresh && !reader_.done(same->second)) {
      same->second = i;
    }
  }
}

bool StoredRun::has(const std::string& dataset) const {
  const auto& all = reader_.datasets();
  return std::any_of(
      all.begin(), all.end(), [&](const TraceDataset& each) { return each.name == dataset; });
}

void StoredRun::check_model(const Model& model, const StoredNeed& need) const {
  const auto refuse = [&](const std::string& what) {
    throw UsageError("{}: {}; record it: {}", path_.string(), what, record_command(model, need));
  };
  if (const auto differs =
          identity_difference(same_model(identity()), same_model(identity_of(model)))) {
    refuse(fmt::format("of another model: {} is {} there but {} here",
                       differs->what,
                       differs->there,
                       differs->here));
  }
  const auto& standing = model.standing();
  const std::string change =
      change_difference(interventions_of(identity()), standing ? standing->hash() : std::string());
  if (!change.empty()) {
    refuse(change);
  }
  for (const auto& [key, value] : identity().items()) {
    if (!kKnownIdentity.contains(key)) {
      refuse(
          fmt::format("{} is {} there, so its values are not the model's own", key, brief(value)));
    }
  }
}

void StoredRun::check(const Model& model, const StoredNeed& need) const {
  check_model(model, need);
  for (const std::string& name : datasets_of(need, model.config())) {
    if (!has(name)) {
      throw UsageError("{}: {} was not recorded; record it: {}",
                       path_.string(),
                       name,
                       record_command(model, need));
    }
  }
}

void StoredRun::check_prompts(const Model& model,
                              const StoredNeed& need,
                              const std::vector<std::vector<std::int32_t>>& prompts) const {
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto found = index_.find(prompts[i]);
    if (found == index_.end()) {
      throw UsageError("{}: prompt {} of {} ({}) is not in it; record it: {}",
                       path_.string(),
                       i,
                       prompts.size(),
                       counted(prompts[i].size(), "token"),
                       record_command(model, need));
    }
    if (!reader_.done(found->second)) {
      throw UsageError("{}: its prompt {} was not finished; the same record with --resume does it",
                       path_.string(),
                       found->second);
    }
  }
}

std::vector<std::size_t> StoredRun::prompts_of(const Batch& batch) const {
  std::vector<std::size_t> prompts;
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const auto found = index_.find(row_tokens(batch, row));
    if (found == index_.end()) {
      throw UsageError(
          "{}: a prompt of {} tokens is not in it", path_.string(), batch.layout().length(row));
    }
    prompts.push_back(found->second);
  }
  return prompts;
}

void StoredRun::check_finite(const std::string& dataset,
                             std::size_t prompt,
                             const std::vector<float>& values) const {
  const bool hides = dataset.ends_with(info(Site::attn_scores).name);  // −∞: a key not seen
  if (hides ||
      std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
    return;
  }
  const bool f16 = reader_.dataset(dataset).dtype == DType::f16;
  throw DataError("{}: {} of prompt {} is not finite{}",
                  path_.string(),
                  dataset,
                  prompt,
                  f16 ? "; f16 holds at most 65504, so record it with --store f32 or bf16" : "");
}

Tensor StoredRun::at(const std::string& dataset,
                     const std::vector<std::size_t>& prompts,
                     const BatchLayout& layout) const {
  Tensor batch;
  for (std::size_t row = 0; row < prompts.size(); ++row) {
    TraceReader::Values own = reader_.read(dataset, prompts[row]);
    check_finite(dataset, prompts[row], own.values);
    if (!batch.defined()) {
      std::vector<std::int64_t> sizes{static_cast<std::int64_t>(prompts.size())};
      for (std::size_t axis = 0; axis < own.axes.size(); ++axis) {
        sizes.push_back(is_ragged_axis(own.axes[axis]) ? layout.columns : own.shape[axis]);
      }
      batch = at::zeros(sizes, at::kFloat);
    }
    own_part(batch[static_cast<std::int64_t>(row)], own.axes, layout.pads[row])
        .copy_(at::from_blob(own.values.data(), own.shape, at::kFloat));
  }
  return batch;
}

DType StoredRun::rounding(const std::string& dataset) const {
  const DType stored = reader_.dataset(dataset).dtype;
  const DType run = parse_dtype(identity().at("dtype").get<std::string>());
  const auto coarse = [](DType dtype) {
    return dtype == DType::f32 ? 0 : dtype == DType::f16 ? 1 : 2;
  };
  return coarse(stored) > coarse(run) ? stored : run;
}

std::string StoredRun::fingerprint() const {
  Hasher hasher;
  hasher.update(dumped(reader_.provenance()));
  for (const TraceDataset& dataset : reader_.datasets()) {
    hasher.update(dataset.name).update(to_string(dataset.dtype));
  }
  for (std::size_t i = 0; i < reader_.prompt_count(); ++i) {
    hasher.update(dumped(reader_.prompt(i).tokens));
  }
  return hasher.digest();
}

std::string record_command(const Model& model, const StoredNeed& need) {
  std::string command = fmt::format(
      "{}headscope record {} {}", need.before, shell_quoted(model.source().name), need.prompts);
  for (const Site site : need.values) {
    command += hooks_option(site, "");
  }
  for (const Site site : need.gradients) {
    command += hooks_option(site, "_grad");
  }
  if (need.last_logits) {
    command += " --logits last";
  }
  if (model.dtype() != DType::f32) {
    command += fmt::format(" --dtype {}", to_string(model.dtype()));
  }
  if (model.standing()) {
    const std::string file = model.standing()->file();
    command += " --intervene " + (file.empty() ? "EDITS.json" : shell_quoted(file));
  }
  if (model.attention_plan()) {
    const std::string& file = model.attention_plan()->file;
    command += " --attention " + (file.empty() ? "PLAN.json" : shell_quoted(file));
  }
  return command + " -o FILE.h5";
}

std::vector<std::string> datasets_of(const StoredNeed& need, const ModelConfig& config) {
  std::vector<std::string> names;
  add_points(names, need.values, config, [](HookPoint at) { return hook_name(at.site, at.layer); });
  add_points(names, need.gradients, config, gradient_name);
  if (need.last_logits) {
    names.emplace_back("logits/last");
  }
  return names;
}

}  // namespace headscope
