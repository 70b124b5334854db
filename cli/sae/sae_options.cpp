#include "cli/sae/sae_options.h"

#include <CLI/CLI.hpp>

#include "analyses/metric/metric.h"
#include "cli/choices.h"

namespace headscope {
namespace {

void add_sae_data_options(CLI::App& app, SaeOptions& options) {
  const char* group = "data";
  app.add_option(
         "--text", options.texts, "Plain text for a MODEL; default: prose of the program's own")
      ->check(names_a_file)
      ->group(group);
  app.add_option("--prompts", options.prompts, "Prompts (JSONL) in place of --text")
      ->check(names_a_file)
      ->group(group);
  app.add_option("--context", options.context, "Tokens of text that run together")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str()
      ->group(group);
  app.add_option("--from-position", options.first_position, "Leave out positions before this one")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str()
      ->group(group);
  add_prepend_bos(app, options.bos);
}

void add_sae_shape_options(CLI::App& app, SaeOptions& options) {
  const char* group = "what";
  app.add_option("--arch", options.arch, "standard, topk, batchtopk, jumprelu or gated")
      ->capture_default_str()
      ->group(group);
  app.add_option("--d-sae", options.d_sae, "Features; several train several SAEs on one pass")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 24))
      ->group(group);
  app.add_option(
         "--expansion", options.expansion, "Features as a multiple of the width, without --d-sae")
      ->check(CLI::Range(0.01, 1024.0))
      ->capture_default_str()
      ->group(group);
  app.add_option("-k", options.train.k, "topk, batchtopk: codes a row")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str()
      ->group(group);
  app.add_option("--normalise",
                 options.normalisation,
                 "none, expected_average_only_in (folded in at the end), constant_norm_rescale or "
                 "layer_norm")
      ->capture_default_str()
      ->group(group);
  app.add_option("--decoder-norm", options.decoder_norm, "unit: rows of W_dec keep norm 1; free")
      ->check(CLI::IsMember({"unit", "free"}))
      ->capture_default_str()
      ->group(group);
}

// How many steps of which size.
void add_sae_step_options(CLI::App& app, SaeOptions& options) {
  const char* group = "how";
  app.add_option("--tokens", options.tokens, "Rows to train on")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 50))
      ->capture_default_str()
      ->group(group);
  app.add_option("--batch", options.batch, "Rows a step")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str()
      ->group(group);
  app.add_option("--lr", options.lr, "Adam's step; default 0.001")
      ->check(CLI::PositiveNumber)
      ->group(group);
  app.add_option("--lr-warmup", options.lr_warmup, "Steps from 0 up; default a twentieth of all")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  app.add_option(
         "--lr-decay", options.lr_decay, "Steps down to 0 at the end; default a fifth of all")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
}

// What they make smaller, and what becomes of features that never fire.
void add_sae_loss_options(CLI::App& app, SaeOptions& options) {
  const char* group = "how";
  SaeTrainOptions& train = options.train;
  app.add_option("--sparsity",
                 options.sparsity,
                 "λ: standard, gated (L1) and jumprelu (L0); default 1, jumprelu 0.01")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  app.add_option("--sparsity-warmup", train.sparsity_warmup, "Steps from 0 up to λ")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option("--dead-after", train.dead_after, "Tokens without firing that make a feature dead")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option(
         "--aux", train.aux, "topk, batchtopk: weight of the loss of dead features; 0: none")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option(
         "--resample-every", train.resample_every, "Others: steps between resamplings; 0: never")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option("--bandwidth", train.bandwidth, "jumprelu: width of the threshold's gradient")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option("--threshold", train.threshold, "jumprelu: where thresholds start")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
}

void add_sae_run_options(CLI::App& app, SaeOptions& options) {
  const char* group = "run";
  app.add_option("--buffer-mib", options.buffer_mib, "Memory in which rows are mixed")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str()
      ->group(group);
  app.add_option("--log-every", options.log_every, "Steps between lines of train.jsonl")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(group);
  app.add_option("--checkpoint-every", options.checkpoint_every, "Steps between checkpoints")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(group);
  app.add_flag("--resume", options.resume, "Go on with a run that was stopped or killed")
      ->group(group);
  app.add_flag("--overwrite", options.overwrite, "Start again in a folder that holds a run")
      ->group(group);
}

void add_sae_site(CLI::App& app, SaeOptions& options) {
  app.add_option("--site", options.sites, "The hook point, where it is another than the file says")
      ->expected(1);
}

void add_sae_folder(CLI::App& app, SaeOptions& options) {
  app.add_option("SAE", options.sae, "A folder with a sparse autoencoder")->required();
}

void add_sae_words(CLI::App& app, SaeOptions& options) {
  app.add_option("MODEL|TRACE", options.words, "A model, or traces of one (`headscope record`)")
      ->required();
}

void add_sae_model(CLI::App& app, SaeOptions& options) {
  options.words.resize(1);
  add_model(app, options.words.front());
}

void add_sae_features(CLI::App& app, SaeOptions& options, const char* without) {
  app.add_option("--features", options.features, "Numbers of features, as in 17,290")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber)
      ->default_str(without);
}

}  // namespace

void add_sae_features_options(CLI::App& app, SaeOptions& options) {
  add_sae_folder(app, options);
  add_sae_model(app, options);
  add_sae_site(app, options);
  add_sae_features(app, options, "those that write most, Σ f·‖W_dec row‖");
  app.add_option("--most", options.most, "So many, without --features")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--contexts", options.contexts, "Contexts of each, from different prompts")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("-o,--output", options.out, "Write a page (.html)")->check(names_a_file);
  add_sae_data_options(app, options);
}

void add_sae_ablate_options(CLI::App& app, SaeOptions& options) {
  options.act = "ablate";
  add_sae_folder(app, options);
  add_sae_model(app, options);
  add_sae_site(app, options);
  app.add_option("--task", options.task, "The task (JSONL, as headscope task make writes it)")
      ->required()
      ->check(names_a_file);
  app.add_option("--metric", options.metric, "What a run is judged by: " + names_of(all_metrics()))
      ->capture_default_str();
  app.add_option("--do",
                 options.act,
                 "ablate: a feature's code becomes 0; patch: that of the corrupted prompt")
      ->check(CLI::IsMember({"ablate", "patch"}))
      ->capture_default_str();
  add_sae_features(app, options, "those that change most, Σ |f' − f|·‖W_dec row‖");
  app.add_option("--most", options.most, "So many, without --features")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  add_prepend_bos(app, options.bos);
}

void add_sae_attach_options(CLI::App& app, SaeOptions& options) {
  options.act = "attach";
  add_sae_folder(app, options);
  add_sae_model(app, options);
  add_sae_site(app, options);
  app.add_option("-o,--output", options.out, "The file of interventions to write")
      ->required()
      ->check(names_a_file);
  add_sae_features(app, options, "none");
  app.add_option("--do", options.act, "What becomes of their codes f")
      ->check(CLI::IsMember({"attach", "ablate", "clamp", "scale", "steer"}))
      ->capture_default_str();
  app.add_option("--value", options.value, "clamp, scale, steer: one for all features, or one each")
      ->delimiter(',');
  app.add_flag("--no-error-term",
               options.no_error_term,
               "What the autoencoder does not explain of the site is lost");
}

void add_sae_train_options(CLI::App& app, SaeOptions& options) {
  add_sae_words(app, options);
  app.add_option(
         "--site", options.sites, "Hook points: blocks.5.attn.hook_z (its heads one after another)")
      ->delimiter(',')
      ->required();
  app.add_option("-o,--output", options.out, "The folder to make")->check(names_a_file)->required();
  add_sae_data_options(app, options);
  add_sae_shape_options(app, options);
  add_sae_step_options(app, options);
  add_sae_loss_options(app, options);
  add_sae_run_options(app, options);
}

void add_sae_info_options(CLI::App& app, SaeOptions& options) {
  add_sae_folder(app, options);
}

void add_sae_eval_options(CLI::App& app, SaeOptions& options) {
  add_sae_folder(app, options);
  add_sae_words(app, options);
  add_sae_site(app, options);
  add_sae_data_options(app, options);
}

}  // namespace headscope
