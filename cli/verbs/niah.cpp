// headscope niah: needles in a haystack, and the heads that find them.
#include <chrono>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "analyses/retrieval/niah_run.h"
#include "analyses/retrieval/read_retrieval_prompts.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/niah/niah_input.h"
#include "cli/niah/niah_view.h"
#include "cli/output.h"
#include "cli/render/progress.h"
#include "cli/render/table.h"
#include "cli/unread_options.h"
#include "cli/verbs.h"
#include "hooks/standing_interventions.h"
#include "hooks/stored/writer_claim.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/base/replaced_file.h"
#include "lib/families/load.h"
#include "lib/model/beyond_context.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

// NAME.json → NAME.heads.json and so on.
std::string beside(const std::string& out, const std::string& ending) {
  return fs::path(out).replace_extension(ending).string();
}

void write_files(const NiahVerbOptions& options,
                 const NiahResult& result,
                 const OrderedJson& json) {
  if (!options.out.empty()) {
    write_file(options.out, json.dump(1, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
    write_file(beside(options.out, ".heads.svg"),
               to_svg(retrieval_map(
                   result.scores.means(ScoreForm::count), result.model, result.scores.passed())));
    if (!result.ready) {
      write_file(beside(options.out, ".accuracy.svg"),
                 to_svg(accuracy_map(accuracy_of(result, 0), result.model, "none")));
    }
  }
  const std::string scores = !options.scores.empty() ? options.scores
                             : options.out.empty()   ? ""
                                                     : beside(options.out, ".heads.json");
  if (!scores.empty() && result.scores.passed() > 0) {
    write_file(scores, published_scores(result));
  }
}

void check_output(const std::string& path, const TextKind& kind) {
  check_output_file(path);
  check_replaceable(path, kind);
}

// -o and what stands beside it are looked at before any work.
void check_outputs(const NiahVerbOptions& options) {
  if (!options.scores.empty()) {
    check_output(options.scores, kPublishedScores);
  }
  const auto at = [&](const char* ending) {
    return options.out.empty() ? "" : beside(options.out, ending);
  };
  const std::string log = at(".samples.jsonl");
  for (const std::string& file : {options.out, log, at(".heads.json"), options.scores}) {
    if (!file.empty() && path_exists(file) && !options.overwrite && !options.resume) {
      throw UsageError("{} exists; --overwrite replaces it, --resume goes on", file);
    }
  }
  if (options.out.empty()) {
    return;
  }
  check_output(options.out, kNiahJson);
  check_output(at(".heads.svg"), kSvgPicture);
  check_output(at(".accuracy.svg"), kSvgPicture);
  check_output(at(".heads.json"), kPublishedScores);
  check_output_file(log);  // its kind is seen where it is opened
}

struct OpenRun {
  const Model& model;
  NiahResult& result;
  NiahLog& log;
};

void run_rounds(const NiahVerbOptions& options,
                const Invocation& invocation,
                const OpenRun& open,
                const MaskPlan& plan) {
  std::unique_ptr<Progress> bar;
  NiahRunOptions run{.retrieval = {.top_k = options.top_k,
                                   .max_new = options.max_new,
                                   .batch_tokens = options.batch_tokens,
                                   .seed = invocation.common.seed,
                                   .stop = interrupted},
                     .masks = plan.masks,
                     .ranking = {},
                     .begin =
                         [&bar](std::int64_t wanted, std::int64_t have) {
                           bar.reset();  // of the round before
                           bar = std::make_unique<Progress>(
                               wanted, Progress::Options{.label = "niah", .unit = "prompts"});
                           bar->begin_at(have);
                         },
                     .each = [&bar] { bar->add(); }};
  if (!plan.ranking.empty()) {
    run.ranking = ranking_from(plan.ranking, open.model.config());
  }
  if (!run_niah(open.model, open.result, open.log, run)) {
    bar.reset();
    print_note(options.out.empty()
                   ? "interrupted; with -o FILE.json no finished prompt would be lost"
                   : "every finished prompt is kept beside " + options.out +
                         "; --resume does the others");
    throw Interrupted();
  }
}

void niah(const NiahVerbOptions& options, const Invocation& invocation) {
  const MaskPlan plan = mask_plan(options);
  if (options.resume && options.out.empty()) {
    throw UsageError("--resume goes on with what is kept beside -o FILE");
  }
  check_outputs(options);
  const WriterClaim claim(options.out);
  catch_interrupts();
  const auto begin = std::chrono::steady_clock::now();
  const Model loaded =
      load_with(options.model, invocation.common, options.intervene, options.attention);
  refuse_chosen_positions(loaded, "niah");
  NiahResult result{.model = options.model,
                    .prompts = prompts_of(options, loaded),
                    .masks = {HeadMask{}},
                    .scores = {},
                    .seed = invocation.common.seed,
                    .ready = !options.prompts.empty()};
  const Model model = roomy(options, loaded, result.prompts);
  const Json from = provenance_of(options, invocation, model, result.prompts);
  NiahLog log(options.out.empty() ? "" : beside(options.out, ".samples.jsonl"),
              from.at("identity"),
              options.overwrite ? IfExists::replace
              : options.resume  ? IfExists::resume
                                : IfExists::fail);
  run_rounds(options, invocation, {model, result, log}, plan);
  if (!options.resume) {  // else all may have been done before
    check_fired(model);
  }
  OrderedJson json = niah_json(result, from);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  json["seconds"] = took.count();
  write_files(options, result, json);
  show(invocation, json, niah_text(result) + "\n" + format_seconds(took.count()) + "\n");
}

void check_read(const CLI::App& app, const NiahVerbOptions& options) {
  if (!options.prompts.empty()) {
    for (const char* made : {"contexts", "depths", "needles", "haystack", "template"}) {
      if (was_given(app, made)) {
        throw UsageError("--prompts takes ready prompts: leave out --{}", made);
      }
    }
  }
  const bool curve = !options.mask_curve.empty();
  if (curve && !options.mask_heads.empty()) {
    throw UsageError("--mask-heads and --mask-curve are two questions; ask one at a time");
  }
  if (!curve && options.mask_heads.empty()) {
    refuse_without(app, {"mask-mode", "heads", "draws"}, "--mask-heads or --mask-curve");
  }
  if (!curve && !options.mask_heads.starts_with("random:")) {
    refuse_without(app, {"draws"}, "random heads: --mask-heads random:K or --mask-curve");
  }
  if (options.out.empty() && options.scores.empty()) {
    refuse_without(app, {"overwrite"}, "-o FILE or --scores FILE");
  }
}

void add_data_options(CLI::App& app, NiahVerbOptions& options) {
  app.add_option("--contexts", options.contexts, "Tokens: 512,1024 or FIRST-LAST:COUNT")
      ->capture_default_str();
  app.add_option("--depths", options.depths, "How many depths, or their percents: 0,50,100")
      ->capture_default_str();
  app.add_option("--needles", options.needles, "JSON of {needle, question, answer}, for ours");
  app.add_option("--haystack", options.haystack, "A text file, for ours");
  app.add_option("--prompts",
                 options.prompts,
                 "Ready prompts (JSONL): text or tokens, the span \"needle\", \"answer\"");
  app.add_option("--template",
                 options.form,
                 "plain (the published form), chat (ChatML), or a text with {context} and "
                 "{question}")
      ->capture_default_str();
  add_prepend_bos(app, options.bos);
  app.add_flag("--allow-beyond", options.allow_beyond, "Try contexts longer than the model's own");
}

void add_options(CLI::App& app, NiahVerbOptions& options) {
  add_model(app, options.model);
  add_data_options(app, options);
  app.add_option("--mask-heads", options.mask_heads, "top:K, random:K or FILE:K");
  app.add_option("--mask-curve",
                 options.mask_curve,
                 "Numbers of heads, each masked as top and as random: 0,2,5,10,20");
  app.add_option("--mask-mode", options.mask_mode, "decode-uniform, zero or mean")
      ->capture_default_str();
  app.add_option("--heads", options.heads, "A list that ranks the heads; default: this run's own");
  app.add_option("--draws", options.draws, "Random masks of each size")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--top-k-positions", options.top_k, "Keys of each head that count a step")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--max-new", options.max_new, "The longest response, in tokens")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--batch-tokens", options.batch_tokens, "Tokens of prompts decoded together")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  add_output(
      app, options.out, "The result (.json); .heads.json, .svg and .samples.jsonl stand beside it");
  app.add_option("--scores", options.scores, "Where the scores go, in Retrieval_Head's format")
      ->check(names_an_output);
  app.add_flag("--resume", options.resume, "Go on with a run that was stopped");
  add_intervene(app, options.intervene);
  add_attention(app, options.attention);
  app.add_flag("--overwrite", options.overwrite, "Replace an existing result");
}

}  // namespace

Verb niah_verb() {
  return {
      .name = "niah",
      .summary = "Needles in a haystack: accuracy by length and depth, and the retrieval heads",
      .example =
          "  headscope niah smollm2 --template chat --contexts 512,1024,2048 -o niah.json\n"
          "  headscope niah smollm2 --template chat --contexts 1024 --mask-heads top:10\n"
          "  headscope niah smollm2 --template chat --contexts 512 --mask-curve 0,2,5,10,20\n"
          "  headscope compare niah.heads.json llama-2-7b-80k.json\n"
          "\n"
          "A head's score in a prompt is the share of the answer's tokens that the model wrote "
          "while the\nhead's strongest key was that very token in the needle (Wu et al. 2024, "
          "arXiv:2404.15574); only\nprompts with a ROUGE-1 recall above 50 % count. decode-uniform "
          "masks as the published code does:\nin decode steps alone, a head attends to all keys "
          "alike. Random heads are drawn anew for every\nprompt and never among the best 100 (or "
          "the best fifth, where that is fewer).",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto options = std::make_shared<NiahVerbOptions>();
        add_options(app, *options);
        return [options, &app, &invocation] {
          check_read(app, *options);
          niah(*options, invocation);
        };
      },
  };
}

}  // namespace headscope
