#include "analyses/logit_attribution/dla_run.h"

#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "analyses/logit_attribution/batch_shares.h"
#include "analyses/logit_attribution/logit_attribution.h"
#include "analyses/results/result_file.h"
#include "analyses/sweep/stored_task.h"
#include "analyses/sweep/trace_words.h"
#include "hooks/standing_interventions.h"
#include "hooks/stored/open_file.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

std::optional<LogitTarget> wanted_target(const std::string& metric) {
  if (metric.empty()) {
    return std::nullopt;
  }
  return metric == "logit_diff" ? LogitTarget::logit_diff : LogitTarget::answer_logit;
}

// What a reader of the numbers must know beside their name.
std::string note_of(const DlaRequest& options, const ModelConfig& config, LogitTarget target) {
  std::string note;
  if (options.metric.empty() && target == LogitTarget::answer_logit) {
    note += "No item has wrong tokens: the answers' mean logit is attributed. ";
  }
  if (config.logit_softcap > 0) {
    note += fmt::format("Logits are those before the soft-cap of {}. ", config.logit_softcap);
  }
  if (info(Site::ln1_post_scale).exists(config)) {
    note += "The divisor of the norm after attention is frozen too. ";
  }
  return note.substr(0, note.find_last_not_of(' ') + 1);
}

void check_trace(const StoredRun& trace,
                 const Model& model,
                 const Task& task,
                 const DlaRequest& options) {
  check_stored_task(
      trace,
      model,
      task.items,
      parse_run(options.run),
      {.values = attributed_sites_of_trace(model.config()),
       .prompts = record_task_words(options.task, options.run, options.task_options())});
}

ResultHeader header_of(const Model& model,
                       const Task& task,
                       const DlaRequest& options,
                       const ResultOrigin& origin,
                       LogitTarget target) {
  const bool capped = model.config().logit_softcap > 0;
  ResultHeader header = result_header(
      model,
      task,
      Components(model).axes(),
      origin,
      {.kind = "dla",
       .metric = std::string(to_string(target)) + (capped ? " before the soft-cap" : ""),
       .title = fmt::format("direct logit attribution, {} run", options.run),
       .identity = {{"run", options.run}, {"target", to_string(target)}},
       .bos = options.bos});
  if (const std::string note = note_of(options, model.config(), target); !note.empty()) {
    header.provenance["note"] = note;
  }
  return header;
}

LogitAttribution attribute(const Model& model,
                           const Task& task,
                           const DlaRequest& options,
                           const StoredRun* trace,
                           LogitTarget target) {
  const auto result = attribute_logits(model,
                                       task.items,
                                       {.run = parse_run(options.run),
                                        .target = target,
                                        .stored = trace,
                                        .batch_tokens = options.batch_tokens,
                                        .progress = options.progress,
                                        .stop = options.stop});
  if (!result) {
    throw Interrupted();
  }
  return *result;
}

Result result_of(LogitAttribution attribution, ResultHeader header) {
  Result result{std::move(header),
                std::move(attribution.shares),
                std::move(attribution.clean),
                std::move(attribution.corrupted)};
  result.done = static_cast<std::int64_t>(result.per_prompt.size());
  return result;
}

void write(ResultStore& store, const Result& result) {
  store.put_baseline(Run::clean, result.clean);
  store.put_baseline(Run::corrupted, result.corrupted);
  std::vector<ResultStore::Value> values;
  const auto prompts = static_cast<std::int64_t>(result.clean.size());
  for (std::size_t i = 0; i < result.per_prompt.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    values.push_back({at / prompts, at % prompts, result.per_prompt[i]});
  }
  store.put(values);
  store.finish();
}

}  // namespace

RequestFields DlaRequest::fields() {
  return {
      {.name = "task",
       .place = &task,
       .help = "A task file (headscope task make)",
       .need = RequestField::Need::required,
       .kind = RequestField::Kind::path},
      {.name = "run", .place = &run, .help = "The run that is taken apart", .choices = run_names()},
      {.name = "trace",
       .place = &trace,
       .help = "A trace (headscope record) of that run, read instead of run; an error says "
               "which hook points it needs",
       .kind = RequestField::Kind::path},
      {.name = "metric",
       .place = &metric,
       .help = "logit_diff: mean logit of the answers less that of the wrong tokens; "
               "answer_logit: of the answers alone",
       .choices = {"logit_diff", "answer_logit"},
       .shown_default = "logit_diff, or answer_logit if no item has wrong tokens"},
      {.name = "batch-tokens",
       .place = &batch_tokens,
       .help = "Tokens in one forward pass",
       .least = 1,
       .most = std::int64_t{1} << 40},
      {.name = "skip-unfit",
       .place = &skip_unfit,
       .help = "Leave out items that do not fit the tokenizer"},
      {.name = "prepend-bos",
       .place = &bos,
       .help = "auto (as the tokenizer's configuration does), yes or no"}};
}

Result run_dla(const Model& model,
               const Task& task,
               const StoredRun* trace,
               const DlaRequest& request,
               const ResultOrigin& origin) {
  refuse_chosen_prompts(model, "direct logit attribution");
  const LogitTarget target = logit_target(task.items, wanted_target(request.metric));
  ResultHeader header = header_of(model, task, request, origin, target);
  if (trace != nullptr) {
    check_trace(*trace, model, task, request);
    header.provenance["identity"]["source"] = trace->fingerprint();
  }
  std::optional<ResultStore> store;
  // Before the work, so that a path that cannot be written says so at once; but what is there stays
  // until there is something to replace it with.
  const bool replaces = request.if_exists == IfExists::replace && path_exists(request.out);
  if (!request.out.empty() && !replaces) {
    store.emplace(request.out, header, IfExists::fail);
  } else if (replaces) {
    static_cast<void>(open_to_resume(request.out, kResultKind, IfExists::replace));
  }
  Result result;
  try {
    result = result_of(attribute(model, task, request, trace, target), header);
    if (trace == nullptr && model.standing()) {  // else record asked, in the passes it made
      model.standing()->check_fired();
    }
  } catch (...) {
    if (store) {  // one pass a prompt: nothing is worth going on with
      std::filesystem::remove(request.out);
    }
    throw;
  }
  if (replaces) {
    store.emplace(request.out, header, IfExists::replace);
  }
  if (store) {
    write(*store, result);
  }
  return result;
}

}  // namespace headscope
