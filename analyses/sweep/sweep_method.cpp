#include "analyses/sweep/sweep_method.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {

SweepPlan SweepMethod::check(const PlannedSweep& sweep) const {
  return check_sweep(sweep.model, sweep.task, sweep.spec, sweep.options);
}

bool SweepMethod::execute(const PlannedSweep& sweep, SweepSink& sink) const {
  return run_sweep(sweep.model, sweep.task, sweep.spec, sweep.options, sink);
}

RequestFields request_fields(SweepRequest& request, SweepMethod::Cells cells) {
  std::vector<std::string> metrics;
  for (const Metric& metric : all_metrics()) {
    metrics.emplace_back(metric.name);
  }
  RequestFields fields{
      {.name = "task",
       .place = &request.task,
       .help = "A task file (headscope task make)",
       .need = RequestField::Need::required,
       .kind = RequestField::Kind::path},
      {.name = "metric",
       .place = &request.metric,
       .help = "What a run is judged by",
       .choices = metrics},
      {.name = "positions",
       .place = &request.positions,
       .help = "What is changed: all, end, a span of the task, or token numbers 3,5 (from the end: "
               "-1)"},
      {.name = "skip-unfit",
       .place = &request.skip_unfit,
       .help = "Leave out items that do not fit the tokenizer"},
      {.name = "prepend-bos",
       .place = &request.bos,
       .help = "auto (as the tokenizer's configuration does), yes or no"},
      {.name = "intervene",
       .place = &request.intervene,
       .help =
           "Change the model first: a JSON file of interventions (data/interventions.schema.json)",
       .kind = RequestField::Kind::path},
      {.name = "attention",
       .place = &request.attention,
       .help = "Put operators in the place of heads first: a plan of attention (JSON)",
       .kind = RequestField::Kind::path}};
  if (cells == SweepMethod::Cells::sharded) {
    fields.push_back({.name = "plain",
                      .place = &request.plain,
                      .help = "One edit and whole forward passes a cell: the slow check"});
  }
  return fields;
}

OverAxes parse_over(const std::string& text) {
  if (text == "layer") {
    return {};
  }
  if (text == "layer,head") {
    return {.heads = true};
  }
  if (text == "layer,pos") {
    return {.positions = true};
  }
  if (text == "layer,head,pos") {
    return {.heads = true, .positions = true};
  }
  if (text == "layer,span" || text == "layer,head,span") {
    return {.heads = text == "layer,head,span", .positions = true, .spans = true};
  }
  throw UsageError(
      "--over {}: layer, layer,head, layer,pos, layer,span, layer,head,pos or layer,head,span",
      text);
}

std::vector<HeadId> parse_head_set(const std::string& text) {
  std::vector<HeadId> heads;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const HeadId head = parse_head_id(std::string_view(text).substr(at, end - at));
    if (std::find(heads.begin(), heads.end(), head) != heads.end()) {
      throw UsageError("--heads: {} is named twice", to_string(head));
    }
    heads.push_back(head);
    at = end + 1;
  }
  return heads;
}

void check_head_set(const std::vector<HeadId>& heads, Site site) {
  if (!heads.empty() && head_axis_of(site) == Axis::one) {
    throw UsageError("--heads: {} has no heads; leave out --site or name one that has",
                     info(site).name);
  }
}

RequestField head_set_field(std::string& place) {
  return {.name = "heads",
          .place = &place,
          .help =
              "Instead of a grid one cell that changes all of these heads at once: 23.3,23.0, "
              "or a file with such (FILE.heads.json:10, ATLAS.h5:DETECTOR, CIRCUIT.json)",
          .kind = RequestField::Kind::heads};
}

}  // namespace headscope
