// Training: it learns, it repeats itself, and a killed run ends as one never stopped.
#include <cmath>
#include <limits>

#include <signal.h>
#include <unistd.h>

#include "analyses/sae/sae_eval.h"
#include "analyses/sae/sae_train_run.h"
#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/sae/sae_files.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/child.h"
#include "tests/support/fixture.h"
#include "tests/support/one_thread.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::string kTrainedSite = "blocks.1.attn.hook_z";

std::vector<Prompt> sae_train_prompts() {
  std::vector<Prompt> prompts;
  Random random(5, "sae test");
  for (int i = 0; i < 24; ++i) {
    Prompt prompt{.id = std::to_string(i), .text = "", .tokens = {}, .spans = {}};
    for (int t = 0; t < 12; ++t) {
      prompt.tokens.push_back(static_cast<std::int32_t>(random.below(200)));
    }
    prompts.push_back(prompt);
  }
  return prompts;
}

SaeTrainRun small_sae_run(const std::filesystem::path& folder, SaeArch arch) {
  SaeTrainRun run;
  SaeTrainOptions options;
  options.arch = arch;
  options.d_sae = 96;
  options.k = 6;
  options.steps = 40;
  options.lr = 3e-3;
  options.lr_warmup = 3;
  options.lr_decay = 8;
  options.sparsity = arch == SaeArch::jumprelu ? 1e-4 : 1e-3;
  options.dead_after = 300;
  options.resample_every = 9;
  run.plans = {{.name = "", .site = kTrainedSite, .options = options}};
  run.folder = folder;
  run.batch_rows = 64;
  run.buffer_bytes = 1 << 20;
  run.log_every = 4;
  run.checkpoint_every = 5;
  run.identity = {{"run", "test"}};
  return run;
}

}  // namespace

TEST_CASE("every architecture learns, and the same twice") {
  const OneThread one;
  const Model model = load(huggingface_fixture("llama"));
  const std::vector<Prompt> prompts = sae_train_prompts();
  for (const SaeArch arch :
       {SaeArch::standard, SaeArch::topk, SaeArch::batchtopk, SaeArch::jumprelu, SaeArch::gated}) {
    INFO(to_string(arch));
    const TempFolder folder;
    SaeTrainRun run = small_sae_run(folder.file("a"), arch);
    const SaeTrainResult result = train_saes(run, {.model = &model, .prompts = &prompts});
    CHECK(result.steps == 40);
    CHECK(result.saes.front().last.fvu < 0.6);
    CHECK(result.saes.front().log.size() == 10);
    CHECK(result.saes.front().log.back().step == 40);
    run.folder = folder.file("b");
    train_saes(run, {.model = &model, .prompts = &prompts});
    CHECK(file_bytes(folder.file("a") / "sae_weights.safetensors") ==
          file_bytes(folder.file("b") / "sae_weights.safetensors"));
    CHECK(file_bytes(folder.file("a") / "train.jsonl") ==
          file_bytes(folder.file("b") / "train.jsonl"));
    const Sae sae = read_sae(folder.file("a"));
    const SaeEvaluation found = evaluate_sae(sae, model, prompts, {});
    CHECK(found.reconstruction.fvu < 0.7);
    CHECK(found.reconstruction.rows == 24 * 12);
    if (arch == SaeArch::topk) {
      CHECK(found.reconstruction.l0 <= 6.0);
    }
  }
}

TEST_CASE("a run killed by SIGKILL resumes to the weights and the log of one never stopped") {
  const OneThread one;
  const Model model = load(huggingface_fixture("llama"));
  const std::vector<Prompt> prompts = sae_train_prompts();
  for (const SaeArch arch : {SaeArch::batchtopk, SaeArch::jumprelu}) {
    INFO(to_string(arch));
    const TempFolder folder;
    SaeTrainRun run = small_sae_run(folder.file("whole"), arch);
    run.plans.push_back(run.plans.front());  // two of them on one pass
    run.plans[0].name = "first";
    run.plans[1].name = "second";
    run.plans[1].options.d_sae = 32;
    run.plans[1].options.seed = 1;
    train_saes(run, {.model = &model, .prompts = &prompts});
    run.folder = folder.file("killed");
    SaeTrainRun dying = run;
    dying.progress = [](std::int64_t done, std::int64_t) {
      if (done == 18) {
        ::kill(::getpid(), SIGKILL);
      }
    };
    CHECK(in_child([&] {
            train_saes(dying, {.model = &model, .prompts = &prompts});
            return 0;
          }) == 200 + SIGKILL);
    run.if_exists = IfExists::resume;
    const SaeTrainResult result = train_saes(run, {.model = &model, .prompts = &prompts});
    CHECK(result.resumed_at == 15);
    for (const SaeTrained& sae : result.saes) {
      CHECK(sae.log.size() == 10);  // the killed run's lines, and each once
    }
    for (const char* file : {"first/sae_weights.safetensors",
                             "second/sae_weights.safetensors",
                             "first/sparsity.safetensors",
                             "train.jsonl"}) {
      CHECK(file_bytes(folder.file("whole") / file) == file_bytes(folder.file("killed") / file));
    }
    CHECK_FALSE(std::filesystem::exists(run.folder / "checkpoint.safetensors"));
    CHECK(train_saes(run, {.model = &model, .prompts = &prompts}).rows == 0);  // all is done
    run.identity["run"] = "another";
    CHECK_THROWS_AS(train_saes(run, {.model = &model, .prompts = &prompts}), UsageError);
  }
}

TEST_CASE("a normalised run is stored with the factor folded in") {
  const OneThread one;
  const Model model = load(huggingface_fixture("llama"));
  const std::vector<Prompt> prompts = sae_train_prompts();
  const TempFolder folder;
  SaeTrainRun run = small_sae_run(folder.file("sae"), SaeArch::topk);
  run.plans[0].options.normalisation = SaeNormalisation::expected_average_only_in;
  const SaeTrainResult result = train_saes(run, {.model = &model, .prompts = &prompts});
  const Sae sae = read_sae(folder.file("sae"));
  CHECK(sae.config().normalisation == SaeNormalisation::none);
  const double fvu = evaluate_sae(sae, model, prompts, {}).reconstruction.fvu;
  CHECK(std::abs(fvu - result.saes[0].last.fvu) < 0.2);
}

TEST_CASE("too few rows, and a loss that is not finite, are one clear error") {
  const Model model = load(huggingface_fixture("llama"));
  const std::vector<Prompt> prompts = sae_train_prompts();
  const TempFolder folder;
  SaeTrainRun run = small_sae_run(folder.file("sae"), SaeArch::topk);
  run.batch_rows = 5000;
  CHECK_THROWS_WITH(train_saes(run, {.model = &model, .prompts = &prompts}), contains("--batch"));
  SaeTrainOptions options = run.plans[0].options;
  SaeTrainer trainer(options, 4, at::kCPU);
  const Tensor bad = at::full({8, 4}, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
  CHECK_THROWS_AS(trainer.step(bad, Measure::state), DataError);
}
