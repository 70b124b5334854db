// headscope sae train.
#include <algorithm>
#include <filesystem>

#include "analyses/sae/sae_train_run.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/render/page_policy.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/sae/sae_options.h"
#include "cli/sae/sae_train_page.h"
#include "hooks/address.h"
#include "hooks/stored_run.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/base/version.h"
#include "lib/tensor/backend.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

std::vector<std::string> full_names(const SaeOptions& options, const SaeInput& input) {
  if (!input.model) {
    return options.sites;
  }
  std::vector<std::string> names;
  for (const HookPoint& point : resolve_hooks(options.sites, input.model->config())) {
    names.push_back(hook_name(point.site, point.layer));
  }
  return names;
}

std::int64_t width_of(const std::string& site, const SaeInput& input) {
  ActivationStreamOptions options;
  options.hooks = {site};
  const auto source = input.model ? activations_of_model(*input.model, input.prompts, {site}, 1)
                                  : activations_of_traces(input.traces, {site});
  return source->points().front().width;
}

SaeTrainOptions train_options(const SaeOptions& options, std::uint64_t seed) {
  SaeTrainOptions train = options.train;
  train.arch = parse_sae_arch(options.arch);
  train.normalisation = parse_sae_normalisation(options.normalisation);
  train.decoder_norm = options.decoder_norm == "unit" ? DecoderNorm::unit : DecoderNorm::free;
  train.steps = steps_of(options.tokens, options.batch);
  train.lr = options.lr.value_or(1e-3);
  train.lr_warmup = options.lr_warmup.value_or(train.steps / 20);
  train.lr_decay = options.lr_decay.value_or(train.steps / 5);
  train.sparsity = options.sparsity.value_or(train.arch == SaeArch::jumprelu ? 0.01 : 1.0);
  train.seed = seed;
  return train;
}

void check_k(const SaeTrainOptions& train) {
  const bool has_k = train.arch == SaeArch::topk || train.arch == SaeArch::batchtopk;
  if (has_k && train.k > train.d_sae) {
    throw UsageError("-k {}: more than the {} features of the SAE", train.k, train.d_sae);
  }
}

std::vector<SaePlan> plans_of(const SaeOptions& options,
                              const SaeInput& input,
                              const Invocation& invocation) {
  const std::vector<std::string> sites = full_names(options, input);
  std::vector<SaePlan> plans;
  for (const std::string& site : sites) {
    std::vector<std::int64_t> sizes = options.d_sae;
    if (sizes.empty()) {
      sizes = {std::max<std::int64_t>(
          1,
          static_cast<std::int64_t>(options.expansion *
                                    static_cast<double>(width_of(site, input))))};
    }
    for (const std::int64_t size : sizes) {
      SaeTrainOptions train = train_options(options, invocation.common.seed + plans.size());
      train.d_sae = size;
      check_k(train);
      plans.push_back({.name = site + (sizes.size() > 1 ? "_" + std::to_string(size) : ""),
                       .site = site,
                       .options = train});
    }
  }
  if (plans.size() == 1) {
    plans.front().name.clear();
  }
  return plans;
}

Json identity_of(const SaeOptions& options,
                 const SaeInput& input,
                 const std::vector<SaePlan>& plans,
                 const Invocation& invocation) {
  Json saes = Json::array();
  for (const SaePlan& plan : plans) {
    const SaeTrainOptions& train = plan.options;
    saes.push_back({{"site", plan.site},
                    {"arch", to_string(train.arch)},
                    {"d_sae", train.d_sae},
                    {"k", train.k},
                    {"normalise", to_string(train.normalisation)},
                    {"decoder_norm", options.decoder_norm},
                    {"steps", train.steps},
                    {"lr", train.lr},
                    {"lr_warmup", train.lr_warmup},
                    {"lr_decay", train.lr_decay},
                    {"sparsity", train.sparsity},
                    {"sparsity_warmup", train.sparsity_warmup},
                    {"bandwidth", train.bandwidth},
                    {"threshold", train.threshold},
                    {"dead_after", train.dead_after},
                    {"aux", train.aux},
                    {"resample_every", train.resample_every},
                    {"seed", train.seed}});
  }
  return {{"data", input.identity},
          {"saes", saes},
          {"batch", options.batch},
          {"buffer_mib", options.buffer_mib},
          {"first_batches", kSaeFirstBatches},
          {"log_every", options.log_every},
          {"from_position", options.first_position},
          {"seed", invocation.common.seed}};
}

std::string model_name_of(const SaeInput& input) {
  if (input.model) {
    return input.model->source().name;
  }
  return StoredRun(input.traces.front()).reader().provenance().value("model", std::string());
}

Json metadata_of(const Json& identity, const SaeInput& input, const Invocation& invocation) {
  return {{"headscope_version", kVersion},
          {"command_line", invocation.command_line},
          {"seed", invocation.common.seed},
          {"weights_hash",
           input.model ? input.model->source().weights_hash
                       : StoredRun(input.traces.front())
                             .reader()
                             .provenance()
                             .value("weights_hash", std::string())},
          {"headscope_training", identity}};
}

void show_trained(const SaeTrainResult& result,
                  const SaeOptions& options,
                  const Invocation& invocation) {
  Table table(
      {{"site"}, {"features"}, {"L0", 1}, {"FVU", 4, "fvu"}, {"dead"}, {"loss", 4}, {"folder"}});
  for (const SaeTrained& sae : result.saes) {
    table.row({sae.site,
               read_json(sae.folder / "cfg.json").at("d_sae").get<std::int64_t>(),
               sae.last.l0,
               sae.last.fvu,
               sae.last.dead,
               sae.last.loss,
               sae.folder.string()});
  }
  const double rate = result.seconds > 0 ? static_cast<double>(result.rows) / result.seconds : 0.0;
  show(invocation,
       {{"path", options.out},
        {"steps", result.steps},
        {"resumed_at", result.resumed_at},
        {"rows", result.rows},
        {"rows_per_epoch", result.rows_per_epoch},
        {"seconds", result.seconds},
        {"tokens_per_second", rate},
        {"saes", table.json()}},
       table.text() + "\n" +
           facts({{"steps", fmt::format("{} of {} rows", grouped(result.steps), options.batch)},
                  {"rows of the data", grouped(result.rows_per_epoch)},
                  {"speed",
                   fmt::format("{} tokens/s, data included",
                               grouped(static_cast<std::int64_t>(rate)))},
                  {"measured on", "the last batch; headscope sae eval measures on a text"},
                  {"log", options.out + "/train.jsonl"},
                  {"curves", options.out + "/index.html"}}));
}

IfExists if_exists_of(const SaeOptions& options) {
  if (options.resume && options.overwrite) {
    throw UsageError("--resume and --overwrite: one of them");
  }
  if (options.resume) {
    return IfExists::resume;
  }
  return options.overwrite ? IfExists::replace : IfExists::fail;
}

}  // namespace

void sae_train(const SaeOptions& options, const Invocation& invocation) {
  parse_sae_arch(options.arch);  // before the model is read
  parse_sae_normalisation(options.normalisation);
  check_output_folder(options.out);
  check_page_output(std::filesystem::path(options.out) / "index.html");
  use_backend(invocation.common.device);  // traces bring no model that opens it
  SaeTrainRun run;
  run.if_exists = if_exists_of(options);
  const SaeInput input = sae_input(options, "sae train", invocation);
  run.plans = plans_of(options, input, invocation);
  run.folder = options.out;
  run.batch_rows = options.batch;
  run.first_position = options.first_position;
  run.buffer_bytes = static_cast<std::size_t>(options.buffer_mib) << 20;
  run.seed = invocation.common.seed;
  run.device = to_torch(invocation.common.device);
  run.log_every = options.log_every;
  run.checkpoint_every = options.checkpoint_every;
  run.identity = identity_of(options, input, run.plans, invocation);
  run.metadata = metadata_of(run.identity, input, invocation);
  run.model_name = model_name_of(input);
  catch_interrupts();
  Progress bar(run.plans.front().options.steps, {.label = "training", .unit = "steps"});
  std::int64_t drawn = -1;
  run.stop = interrupted;
  run.progress = [&](std::int64_t done, std::int64_t) {
    drawn < 0 ? bar.begin_at(done) : bar.add(done - drawn);
    drawn = done;
  };
  const SaeTrainResult result = train_saes(run,
                                           {.traces = input.traces,
                                            .model = input.model ? &*input.model : nullptr,
                                            .prompts = &input.prompts});
  write_sae_train_page(options.out, result.saes, invocation.command_line);
  show_trained(result, options, invocation);
}

}  // namespace headscope
