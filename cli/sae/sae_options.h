// The options of `headscope sae`, and what runs them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyses/sae/sae_train_options.h"
#include "cli/verb.h"
#include "hooks/prompts.h"
#include "lib/sae/sae.h"

namespace headscope {

struct SaeOptions {
  std::string sae;                 // info, eval
  std::vector<std::string> words;  // TRACE… or MODEL
  std::vector<std::string> sites;
  std::string out;
  bool resume = false;
  bool overwrite = false;

  std::vector<std::string> texts;  // plain text
  std::string prompts;             // or JSONL
  std::int64_t context = 128;
  std::int64_t first_position = 0;
  PrependBos bos = PrependBos::automatic;

  std::vector<std::int64_t> features;  // features, ablate, attach; empty: as the verb says
  std::int64_t most = 50;
  std::int64_t contexts = 8;
  std::string task;
  std::string metric = "logit_diff";
  std::string act;  // ablate: "ablate" or "patch"; attach: what an op sae does
  std::vector<double> value;
  bool no_error_term = false;

  std::string arch = "topk";
  std::string normalisation = "none";
  std::string decoder_norm = "unit";
  std::vector<std::int64_t> d_sae;
  double expansion = 8.0;
  std::optional<double> lr;
  std::optional<double> sparsity;
  std::optional<std::int64_t> lr_warmup;
  std::optional<std::int64_t> lr_decay;
  SaeTrainOptions train;  // what is set by number
  std::int64_t tokens = 200'000;
  std::int64_t batch = 1024;
  std::int64_t buffer_mib = 256;
  std::int64_t checkpoint_every = 500;
  std::int64_t log_every = 10;
};

void add_sae_train_options(CLI::App& app, SaeOptions& options);
void add_sae_info_options(CLI::App& app, SaeOptions& options);
void add_sae_eval_options(CLI::App& app, SaeOptions& options);
void add_sae_features_options(CLI::App& app, SaeOptions& options);
void add_sae_ablate_options(CLI::App& app, SaeOptions& options);
void add_sae_attach_options(CLI::App& app, SaeOptions& options);

void sae_train(const SaeOptions& options, const Invocation& invocation);
void sae_info(const SaeOptions& options, const Invocation& invocation);
void sae_eval(const SaeOptions& options, const Invocation& invocation);
void sae_features(const SaeOptions& options, const Invocation& invocation);
void sae_ablate(const SaeOptions& options, const Invocation& invocation);
void sae_attach(const SaeOptions& options, const Invocation& invocation);

// The autoencoder of the options, its hook point that of --site where that is given.
Sae read_sae_of(const SaeOptions& options);

// Where activations come from, by the words on the command line.
struct SaeInput {
  std::vector<std::filesystem::path> traces;
  std::optional<Model> model;
  std::vector<Prompt> prompts;
  Json identity;  // which data those are
};
// A word that is a file other than weights is a trace; else the one word is a model. UsageError if
// there is none, or if both stand there.
SaeInput sae_input(const SaeOptions& options, std::string_view verb, const Invocation& invocation);

}  // namespace headscope
