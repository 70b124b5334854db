// headscope niah: needles in a haystack, and the heads that find them.
#include <chrono>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "lib/model/beyond_context.h"
#include "analyses/retrieval/read_retrieval_prompts.h"
#include "cli/interrupt.h"
#include "cli/niah_log.h"
#include "cli/niah_options.h"
#include "cli/niah_view.h"
#include "cli/output.h"
#include "cli/render/output_file.h"
#include "cli/render/progress.h"
#include "cli/verbs.h"
#include "hooks/provenance.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

// NAME.json → NAME.heads.json and so on.
std::string beside(const std::string& out, const std::string& ending) {
  return fs::path(out).replace_extension(ending).string();
}

void check_contexts(const NiahVerbOptions& options,
                    const std::vector<std::int64_t>& contexts,
                    const ModelConfig& config) {
  for (const std::int64_t context : contexts) {
    if (context > config.n_ctx && !options.allow_beyond) {
      throw UsageError("a context of {} tokens is longer than the {} of {}; --allow-beyond tries",
                       context,
                       config.n_ctx,
                       options.model);
    }
  }
}

std::string template_of(const std::string& form, const Tokenizer& tokenizer) {
  if (form == "chat" && !tokenizer.single("<|im_start|>")) {
    throw UsageError(
        "this tokenizer has no <|im_start|>: give --template the model's own, with "
        "{{context}} and {{question}} in it");
  }
  return form == "plain" ? kPlainTemplate : form == "chat" ? kChatTemplate : form;
}

std::vector<NiahPrompt> made_prompts(const NiahVerbOptions& options, const Model& model) {
  const std::vector<std::int64_t> contexts = parse_contexts(options.contexts);
  check_contexts(options, contexts, model.config());
  return niah_prompts(model.tokenizer(),
                      options.haystack.empty() ? own_haystack() : read_haystack(options.haystack),
                      options.needles.empty() ? own_needles() : read_needles(options.needles),
                      {.contexts = contexts,
                       .depths = parse_depths(options.depths),
                       .form = template_of(options.form, model.tokenizer()),
                       .bos = options.bos});
}

std::vector<NiahPrompt> prompts_of(const NiahVerbOptions& options, const Model& model) {
  if (options.prompts.empty()) {
    return made_prompts(options, model);
  }
  if (!options.haystack.empty() || !options.needles.empty()) {
    throw UsageError("--prompts takes ready prompts: leave out --haystack and --needles");
  }
  std::vector<NiahPrompt> prompts = read_retrieval_prompts(options.prompts, model, options.bos);
  std::vector<std::int64_t> lengths;
  for (const NiahPrompt& prompt : prompts) {
    lengths.push_back(prompt.context);
  }
  check_contexts(options, lengths, model.config());
  return prompts;
}

// A model with room for the longest prompt and its answer.
Model roomy(const NiahVerbOptions& options,
            const Model& model,
            const std::vector<NiahPrompt>& prompts) {
  std::int64_t most = 0;
  for (const NiahPrompt& prompt : prompts) {
    most = std::max(most, static_cast<std::int64_t>(prompt.prompt.tokens.size()));
  }
  return options.allow_beyond ? beyond_context(model, most + options.max_new) : model;
}

std::string hash_of(const std::vector<NiahPrompt>& prompts) {
  Hasher hasher;
  for (const NiahPrompt& made : prompts) {
    const RetrievalPrompt& prompt = made.prompt;
    hasher.update(prompt.id).update(prompt.answer);
    hasher.update(std::span(reinterpret_cast<const std::uint8_t*>(prompt.tokens.data()),
                            prompt.tokens.size() * sizeof(prompt.tokens[0])));
    hasher.update(fmt::format("{} {}", prompt.needle.begin, prompt.needle.end));
  }
  return hasher.digest();
}

Json provenance_of(const NiahVerbOptions& options,
                   const Invocation& invocation,
                   const Model& model,
                   const std::vector<NiahPrompt>& prompts) {
  Json from = provenance(model,
                         {.command_line = invocation.command_line,
                          .seed = invocation.common.seed,
                          .prepend_bos = options.bos});
  Json& identity = from["identity"];
  identity["contexts"] = options.prompts.empty() ? Json(options.contexts) : Json();
  identity["depths"] = options.prompts.empty() ? Json(options.depths) : Json();
  identity["prompts"] = hash_of(prompts);
  identity["top_k_positions"] = options.top_k;
  identity["max_new"] = options.max_new;
  identity["batch_tokens"] = options.batch_tokens;
  identity["mask_heads"] = options.mask_heads;
  identity["mask_curve"] = options.mask_curve;
  identity["mask_mode"] = options.mask_mode;
  identity["draws"] = options.draws;
  identity["heads"] = options.heads;
  return from;
}

class NiahRun {
 public:
  NiahRun(const NiahVerbOptions& options,
          const Invocation& invocation,
          const Model& model,
          NiahResult& result,
          NiahLog& log)
      : options_(options), invocation_(invocation), model_(model), result_(result), log_(log) {
    for (const NiahPrompt& prompt : result.prompts) {
      prompts_.push_back(prompt.prompt);
    }
    result_.scores.layers = model.config().n_layers;
    result_.scores.heads = model.config().n_heads;
  }

  // The samples of result.masks[first …]; throws Interrupted.
  void run(std::size_t first);

 private:
  void take_logged(std::size_t first);
  RetrievalOptions retrieval_options(std::size_t first) const;

  const NiahVerbOptions& options_;
  const Invocation& invocation_;
  const Model& model_;
  NiahResult& result_;
  NiahLog& log_;
  std::vector<RetrievalPrompt> prompts_;
};

void NiahRun::take_logged(std::size_t first) {
  std::map<std::string, std::size_t> masks;
  std::map<std::string, std::size_t> prompts;
  for (std::size_t mask = first; mask < result_.masks.size(); ++mask) {
    masks[result_.masks[mask].name()] = mask;
  }
  for (std::size_t prompt = 0; prompt < prompts_.size(); ++prompt) {
    prompts[prompts_[prompt].id] = prompt;
  }
  for (const LoggedSample& logged : log_.found()) {
    if (masks.contains(logged.mask) && prompts.contains(logged.prompt)) {
      RetrievalSample sample = logged.sample;
      sample.mask = masks[logged.mask];
      sample.prompt = prompts[logged.prompt];
      result_.scores.samples.push_back(sample);
    }
  }
}

RetrievalOptions NiahRun::retrieval_options(std::size_t first) const {
  RetrievalOptions options{.top_k = options_.top_k,
                           .max_new = options_.max_new,
                           .batch_tokens = options_.batch_tokens,
                           .seed = invocation_.common.seed};
  options.masks.assign(result_.masks.begin() + static_cast<std::ptrdiff_t>(first),
                       result_.masks.end());
  options.done = [this](const HeadMask& mask, const RetrievalPrompt& prompt) {
    return log_.has(mask.name(), prompt.id);
  };
  options.stop = interrupted;
  return options;
}

void NiahRun::run(std::size_t first) {
  take_logged(first);
  std::vector<RetrievalSample>& all = result_.scores.samples;
  const std::size_t wanted = (result_.masks.size() - first) * prompts_.size();
  Progress bar(static_cast<std::int64_t>(wanted), {.label = "niah", .unit = "prompts"});
  bar.begin_at(std::count_if(
      all.begin(), all.end(), [&](const RetrievalSample& s) { return s.mask >= first; }));
  const RetrievalScores scores = retrieval_scores(
      model_, prompts_, retrieval_options(first), [&](const RetrievalSample& sample) {
        log_.add({.mask = result_.masks[first + sample.mask].name(),
                  .prompt = prompts_[sample.prompt].id,
                  .sample = sample});
        bar.add();
      });
  if (scores.stopped) {
    throw Interrupted();
  }
  for (RetrievalSample sample : scores.samples) {
    sample.mask += first;
    all.push_back(std::move(sample));
  }
  std::stable_sort(all.begin(), all.end(), [](const RetrievalSample& a, const RetrievalSample& b) {
    return std::pair(a.mask, a.prompt) < std::pair(b.mask, b.prompt);
  });
}

std::vector<ListedHead> own_ranking(const NiahResult& result) {
  std::vector<ListedHead> ranked;
  for (const FoundHead& head : found_heads(result)) {
    ranked.push_back({head.layer, head.head, head.score.mean});
  }
  if (ranked.empty()) {
    throw UsageError("no prompt passed, so no heads can be ranked; rank them with --heads FILE");
  }
  return ranked;
}

// Runs what is asked for: in one go where a file ranks the heads, else without masks first.
void run_all(NiahRun& run, const MaskPlan& plan, NiahResult& result, const ModelConfig& config) {
  const auto add_masks = [&](const std::vector<ListedHead>& ranked) {
    for (HeadMask mask : plan.masks) {
      mask.ranked = ranked;
      masked_heads(mask, 0, "");  // throws if there are not so many
      result.masks.push_back(mask);
    }
  };
  if (plan.ranking.empty()) {
    run.run(0);
    if (!plan.masks.empty()) {
      add_masks(own_ranking(result));
      run.run(1);
    }
  } else {
    add_masks(ranking_from(plan.ranking, config));
    run.run(0);
  }
}

void write_files(const NiahVerbOptions& options,
                 const NiahResult& result,
                 const OrderedJson& json) {
  if (!options.out.empty()) {
    write_file(options.out, json.dump(1, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
    write_file(beside(options.out, ".heads.svg"), to_svg(heads_map(result)));
    if (!result.ready) {
      write_file(beside(options.out, ".accuracy.svg"), to_svg(accuracy_map(result, 0)));
    }
  }
  const std::string scores = !options.scores.empty() ? options.scores
                             : options.out.empty()   ? ""
                                                     : beside(options.out, ".heads.json");
  if (!scores.empty() && result.scores.passed() > 0) {
    write_file(scores, published_scores(result));
  }
}

void niah(const NiahVerbOptions& options, const Invocation& invocation) {
  const MaskPlan plan = mask_plan(options);
  if (options.resume && options.out.empty()) {
    throw UsageError("--resume goes on with what is kept beside -o FILE");
  }
  if (!options.out.empty() && fs::exists(options.out) && !options.overwrite && !options.resume) {
    throw UsageError("{} exists; --overwrite replaces it, --resume goes on", options.out);
  }
  catch_interrupts();
  const auto begin = std::chrono::steady_clock::now();
  const Model loaded = load_model(
      options.model, {.device = invocation.common.device, .dtype = invocation.common.dtype});
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
              options.resume ? NiahLog::Mode::resume : NiahLog::Mode::fresh);
  NiahRun run(options, invocation, model, result, log);
  run_all(run, plan, result, model.config());
  OrderedJson json = niah_json(result, from);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  json["seconds"] = took.count();
  write_files(options, result, json);
  show(invocation, json, niah_text(result) + "\n" + format_seconds(took.count()) + "\n");
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
  app.add_option("-o,--output",
                 options.out,
                 "The result (.json); .heads.json, .svg and .samples.jsonl stand beside it");
  app.add_option("--scores", options.scores, "Where the scores go, in Retrieval_Head's format");
  app.add_flag("--resume", options.resume, "Go on with a run that was stopped");
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
        return [options, &invocation] { niah(*options, invocation); };
      },
  };
}

}  // namespace headscope
