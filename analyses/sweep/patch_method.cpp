#include "analyses/sweep/patch_method.h"

#include <fmt/format.h>

#include "analyses/sweep/stored_source.h"
#include "analyses/sweep/stored_task.h"
#include "analyses/sweep/trace_words.h"
#include "lib/base/json.h"

namespace headscope {

RequestFields PatchRequest::fields() {
  std::vector<std::string> names;
  for (const Site each : sweep_sites()) {
    names.push_back(short_name(each));
  }
  return {{.name = "site",
           .place = &site,
           .help = "What is patched. q, z and pattern have query heads; k and v have KV heads, and "
                   "a patched one is seen by every query head that shares it",
           .choices = names},
          {.name = "over",
           .place = &over,
           .help = "layer, layer,head, layer,pos or layer,head,pos; span in place of pos: the "
                   "task's named spans, where prompts differ in length"},
          {.name = "from",
           .place = &from,
           .help = "The run values come from; the other one is changed",
           .choices = run_names()}};
}

Json PatchRequest::identity() const {
  return {{"site", site}, {"from", from}, {"into", to_string(changed_run())}};
}

SweepSpec PatchRequest::spec(const SweepRequest& request, const ValueSource& source) const {
  const OverAxes axes = parse_over(over);
  return {.parts = {{parse_sweep_site(site), axes.heads}},
          .over_positions = axes.positions,
          .over_spans = axes.spans,
          .positions = {request.positions},
          .into = changed_run(),
          .source = &source,
          .metric = &find_metric(request.metric)};
}

RequestFields PatchMethod::fields() {
  RequestFields fields = patch_.fields();
  fields.push_back(
      {.name = "source",
       .place = &trace_file_,
       .help = "A trace (headscope record) of the run that values come from, read instead of run",
       .kind = RequestField::Kind::path});
  fields.push_back(head_set_field(heads_));
  return fields;
}

void PatchMethod::open() {
  source_ = std::make_unique<OtherRun>(patch_.source_run());
  (void)patch_.spec(request, *source_);  // refuses what is wrong
  check_head_set(parse_head_set(heads_), parse_sweep_site(patch_.site));
  trace_ = open_trace(trace_file_);
}

std::string PatchMethod::title() const {
  return fmt::format(
      "{} of the {} run ← {}", patch_.site, to_string(patch_.changed_run()), patch_.from);
}

Json PatchMethod::identity() const {
  Json identity = patch_.identity();
  if (trace_) {
    identity["source"] = trace_->fingerprint();
  }
  if (!heads_.empty()) {
    identity["heads"] = heads_;
  }
  return identity;
}

void PatchMethod::check_trace(const Model& model, const Task& task) const {
  const Site site = parse_sweep_site(patch_.site);
  const bool plain = request.plain || model.standing() != nullptr || !heads_.empty();
  check_stored_task(
      *trace_,
      model,
      task.items,
      patch_.source_run(),
      {.values = plain ? std::vector{site} : sites_of_source_run(site, model.config()),
       .prompts = record_task_words(request.task, patch_.from, request.task_options())});
}

SweepSpec PatchMethod::spec(const Model& model, const Task& task) {
  if (trace_) {
    check_trace(model, task);
    source_ = std::make_unique<StoredSource>(model, *trace_, patch_.source_run());
  }
  SweepSpec spec = patch_.spec(request, *source_);
  spec.together = parse_head_set(heads_);
  return spec;
}

}  // namespace headscope
