#include "analyses/ablation/ablate_method.h"

#include <optional>

#include "analyses/sweep/stored_task.h"
#include "analyses/sweep/trace_words.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"

namespace headscope {

RequestFields AblateMethod::fields() {
  return {{.name = "mode",
           .place = &mode_,
           .help = "zero; mean: over the task's prompts of one template and length, position by "
                   "position; resample: the value in another such prompt, by --seed",
           .choices = {"zero", "mean", "resample"},
           .shown_default = "mean"},
          {.name = "mean-from",
           .place = &mean_from_,
           .help = "A trace (headscope record) of the runs that means are taken of, read instead "
                   "of run",
           .kind = RequestField::Kind::path},
          {.name = "resample-from",
           .place = &resample_from_,
           .help = "The same of the resampled runs",
           .excludes = "mean-from",
           .kind = RequestField::Kind::path},
          {.name = "mean-over",
           .place = &mean_over_,
           .help = "The runs that means and resamples are taken of",
           .choices = run_names()},
          {.name = "site",
           .place = &site_,
           .help = "What is ablated; z is one head's output each",
           .choices = {"z", "attn_out", "mlp_out", "resid_pre", "resid_mid"}},
          {.name = "over",
           .place = &over_,
           .help = "layer, layer,head, layer,pos or layer,head,pos; span in place of pos: the "
                   "task's named spans, where prompts differ in length"},
          head_set_field(heads_)};
}

// A trace that is named says what it is for.
std::string AblateMethod::mode() const {
  const std::string of_trace = !mean_from_.empty()       ? "mean"
                               : !resample_from_.empty() ? "resample"
                                                         : "";
  if (!of_trace.empty() && !mode_.empty() && mode_ != of_trace) {
    throw UsageError("--{}-from is for --mode {}, not {}", of_trace, of_trace, mode_);
  }
  return !of_trace.empty() ? of_trace : mode_.empty() ? "mean" : mode_;
}

void AblateMethod::open() {
  parse_sweep_site(site_);
  parse_over(over_);
  check_head_set(parse_head_set(heads_), parse_sweep_site(site_));
  if (mode() == "zero" && !mean_over_.empty()) {
    throw UsageError("--mean-over says which runs means are taken of; --mode zero takes none");
  }
  trace_ = open_trace(mean_from_ + resample_from_);
}

// What else may be wrong with the file is told as ever.
void AblateMethod::check_files(const std::string& name) const {
  if (mode() == "zero") {
    return;
  }
  const ModelSummary model = summarize_model(name);
  std::optional<Tokenizer> tokenizer;
  if (model.tokenizer != "none") {
    tokenizer.emplace(load_tokenizer(name));
  }
  const Task task = read_task(request.task,
                              tokenizer ? &*tokenizer : nullptr,
                              model.config.n_ctx,
                              model.config.d_vocab,
                              request.task_options());
  const TemplateGroups groups(task.items);
}

std::string AblateMethod::title() const {
  const std::string of = mode() == "zero" ? "" : " of the " + mean_over() + " runs";
  return fmt::format("{} ← {}{}", site_, mode(), of);
}

Json AblateMethod::identity() const {
  Json identity{{"site", site_},
                {"mode", mode()},
                {"over_run", mean_over()},
                {"into", to_string(Run::clean)}};
  if (trace_) {
    identity["source"] = trace_->fingerprint();
  }
  if (!heads_.empty()) {
    identity["heads"] = heads_;
  }
  return identity;
}

std::unique_ptr<ValueSource> AblateMethod::source_of(const RunSource& from,
                                                     const Task& task) const {
  const std::vector<Site> sites{parse_sweep_site(site_)};
  const Run over = parse_run(mean_over());
  if (mode() == "zero") {
    return std::make_unique<Zero>();
  }
  if (from.stored != nullptr) {
    check_stored_task(
        *from.stored,
        from.model,
        task.items,
        over,
        {.values = sites,
         .prompts = record_task_words(request.task, mean_over(), request.task_options())});
  }
  if (mode() == "mean") {
    return std::make_unique<GroupMean>(from, task.items, over, sites);
  }
  return std::make_unique<Resample>(from, task.items, over, sites, request.seed);
}

SweepSpec AblateMethod::spec(const Model& model, const Task& task) {
  const OverAxes axes = parse_over(over_);
  source_ = source_of({model, trace_.get()}, task);
  return {.parts = {{parse_sweep_site(site_), axes.heads}},
          .over_positions = axes.positions,
          .over_spans = axes.spans,
          .positions = {request.positions},
          .into = Run::clean,
          .source = source_.get(),
          .metric = &find_metric(request.metric),
          .together = parse_head_set(heads_)};
}

}  // namespace headscope
