// headscope sae info and eval.
#include "analyses/sae/sae_eval.h"

#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/sae/sae_options.h"
#include "hooks/activation_stream.h"
#include "lib/base/error.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/backend.h"
#include "lib/tensor/convert.h"

namespace headscope {
namespace {

SaeReconstruction measure_traces(const Sae& sae, const SaeInput& input, const SaeOptions& options) {
  if (sae.config().is_transcoder()) {
    throw UsageError("a transcoder is judged on a MODEL: sae eval SAE MODEL");
  }
  ActivationStreamOptions stream_options;
  stream_options.hooks = {sae.config().hook};
  stream_options.batch_rows = options.batch;
  stream_options.order = RowOrder::as_stored;
  if (options.first_position > 0) {
    stream_options.rows = positions_from(options.first_position);
  }
  ActivationStream stream(input.traces, stream_options);
  const std::int64_t width = stream.points().front().width;
  if (width != sae.config().d_in) {
    throw UsageError(
        "{} is {} wide in these traces but the SAE's d_in is {}; give traces of the model and "
        "the site it was trained on",
        sae.config().hook,
        width,
        sae.config().d_in);
  }
  SaeMeasure measure(sae);
  while (const auto batch = stream.next()) {
    const Tensor x = batch->values.front().to(sae.weights().W_dec.device());
    measure.add(x, x);
  }
  return measure.result();
}

std::string fraction(double value) {
  return format_number(value, 4);
}

std::vector<std::pair<std::string, std::string>> reconstruction_lines(
    const Sae& sae, const SaeReconstruction& own) {
  return {
      {"site", sae.config().hook},
      {"tokens", grouped(own.rows)},
      {"L0", format_number(own.l0, 2)},
      {"FVU", fraction(own.fvu)},
      {"explained variance", fraction(own.explained_variance)},
      {"dead",
       fmt::format(
           "{} of {} features, on these tokens", grouped(own.dead), grouped(sae.config().d_sae))}};
}

OrderedJson reconstruction_json(const Sae& sae, const SaeReconstruction& own) {
  return {{"site", sae.config().hook},
          {"tokens", own.rows},
          {"d_sae", sae.config().d_sae},
          {"l0", own.l0},
          {"fvu", own.fvu},
          {"explained_variance", own.explained_variance},
          {"dead", own.dead}};
}

void show_spliced(const Sae& sae, const SaeEvaluation& found, const Invocation& invocation) {
  const SaeSplice& s = found.splice;
  OrderedJson json = reconstruction_json(sae, found.reconstruction);
  json["ce_clean"] = s.ce_clean;
  json["ce_zero"] = s.ce_zero;
  json["ce_sae"] = s.ce_sae;
  json["loss_recovered"] = cell_of(s.loss_recovered);
  json["kl_zero"] = s.kl_zero;
  json["kl_sae"] = s.kl_sae;
  json["kl_recovered"] = cell_of(s.kl_recovered);
  json["command_line"] = invocation.command_line;
  auto lines = reconstruction_lines(sae, found.reconstruction);
  lines.emplace_back("cross-entropy",
                     fmt::format("{} as it is, {} with the SAE, {} zeroed",
                                 fraction(s.ce_clean),
                                 fraction(s.ce_sae),
                                 fraction(s.ce_zero)));
  lines.emplace_back("loss recovered", fraction(s.loss_recovered));
  lines.emplace_back(
      "KL", fmt::format("{} with the SAE, {} zeroed", fraction(s.kl_sae), fraction(s.kl_zero)));
  lines.emplace_back("KL recovered", fraction(s.kl_recovered));
  show(invocation, json, facts(lines));
}

}  // namespace

Sae read_sae_of(const SaeOptions& options) {
  Sae sae = read_sae(options.sae);
  if (options.sites.empty()) {
    return sae;
  }
  SaeConfig config = sae.config();
  config.hook = options.sites.front();
  return Sae(config, sae.weights(), options.sae);
}

void sae_info(const SaeOptions& options, const Invocation& invocation) {
  const Sae sae = read_sae_of(options);
  const SaeConfig& config = sae.config();
  const Tensor norms = sae.weights().W_dec.norm(2, 1);
  const Json& metadata = config.metadata;
  show(invocation,
       {{"arch", to_string(config.arch)},
        {"d_in", config.d_in},
        {"d_sae", config.d_sae},
        {"d_out", config.d_out},
        {"k", config.k > 0 ? OrderedJson(config.k) : OrderedJson()},
        {"site", config.hook},
        {"site_out", config.hook_out},
        {"model", config.model},
        {"normalisation", to_string(config.normalisation)},
        {"apply_b_dec_to_input", config.apply_b_dec_to_input},
        {"decoder_norm_mean", norms.mean().item<double>()},
        {"metadata", OrderedJson::parse(metadata.dump())}},
       facts({{"architecture", std::string(to_string(config.arch))},
              {"features", grouped(config.d_sae)},
              {"width",
               config.is_transcoder() ? fmt::format("{} → {}", config.d_in, config.d_out)
                                      : fmt::format("{}", config.d_in)},
              {"k", config.k > 0 ? fmt::format("{}", config.k) : ""},
              {"site", config.hook},
              {"writes to", config.hook_out},
              {"model", config.model},
              {"normalisation", std::string(to_string(config.normalisation))},
              {"decoder rows",
               fmt::format("norm {} to {}",
                           format_number(norms.min().item<double>()),
                           format_number(norms.max().item<double>()))},
              {"made by", metadata.value("command_line", std::string())}}));
}

void sae_eval(const SaeOptions& options, const Invocation& invocation) {
  use_backend(invocation.common.device);  // traces bring no model that opens it
  const Sae sae = read_sae_of(options).to(to_torch(invocation.common.device), at::kFloat);
  const SaeInput input = sae_input(options, "sae eval", invocation);
  if (!input.model) {
    const SaeReconstruction own = measure_traces(sae, input, options);
    show(invocation, reconstruction_json(sae, own), facts(reconstruction_lines(sae, own)));
    return;
  }
  Progress bar(std::ssize(input.prompts), {.label = "judging"});
  std::int64_t drawn = 0;
  const SaeEvaluation found = evaluate_sae(
      sae,
      *input.model,
      input.prompts,
      {.first_position = options.first_position, .progress = [&](std::int64_t done, std::int64_t) {
         bar.add(done - drawn);
         drawn = done;
       }});
  show_spliced(sae, found, invocation);
}

}  // namespace headscope
