#include "analyses/attribution/attribute_method.h"

#include "analyses/sweep/trace_words.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

AttributionMethod attribution_named(const std::string& name) {
  return name == "ig"           ? AttributionMethod::ig
         : name == "atp-qk-fix" ? AttributionMethod::atp_qk_fix
                                : AttributionMethod::atp;
}

}  // namespace

RequestFields AttributeMethod::fields() {
  RequestFields fields = patch_.fields();
  fields.push_back(
      {.name = "method",
       .place = &method_,
       .help = "atp: difference times gradient at the changed run; atp-qk-fix: for q and k, the "
               "change goes through the softmax first; ig: the mean gradient over runs between "
               "both",
       .choices = {"atp", "atp-qk-fix", "ig"}});
  fields.push_back({.name = "steps",
                    .place = &steps_,
                    .help = "Runs between both; --method ig alone",
                    .least = 1,
                    .most = 1000,
                    .shown_default = "5"});
  fields.push_back(
      {.name = "trace",
       .place = &trace_files_,
       .help = "Traces (headscope record --task) of both runs, each after its own --trace, read "
               "instead of run; the changed run's with gradients (hook points that end in _grad)",
       .list = RequestField::List::one_a_mention,
       .kind = RequestField::Kind::path});
  return fields;
}

// The traces that are named, told apart by the run that each says it is of.
void AttributeMethod::open_traces() {
  for (const std::string& path : trace_files_) {
    auto trace = open_trace(path);
    const std::string run = trace->identity().value("run", std::string());
    auto& place = run == to_string(Run::clean) ? clean_ : corrupted_;
    if ((run != to_string(Run::clean) && run != to_string(Run::corrupted)) || place != nullptr) {
      throw UsageError(
          "{}: {}; --trace takes two, recorded with --task FILE and --run clean or corrupted",
          path,
          run.empty() ? "not of a run of a task" : "a second trace of the " + run + " run");
    }
    place = std::move(trace);
  }
  if (trace_files_.empty()) {
    return;
  }
  if (clean_ == nullptr || corrupted_ == nullptr) {
    throw UsageError("--trace: the {} run's is missing; name both, each after its own --trace",
                     clean_ == nullptr ? "clean" : "corrupted");
  }
  stored_.emplace(StoredRuns{*clean_, *corrupted_});
}

void AttributeMethod::open() {
  source_ = std::make_unique<const OtherRun>(patch_.source_run());
  (void)patch_.spec(request, *source_);  // refuses what is wrong
  if (method_ != "ig" && steps_ != 0) {
    throw UsageError("--steps counts the runs of --method ig; {} has none between both", method_);
  }
  open_traces();
}

AttributionOptions AttributeMethod::options() const {
  return {attribution_named(method_), steps(), stored_ ? &*stored_ : nullptr};
}

std::string AttributeMethod::title() const {
  return fmt::format("{} of the {} run ← {}, estimated by {}",
                     patch_.site,
                     to_string(patch_.changed_run()),
                     patch_.from,
                     method_);
}

Json AttributeMethod::identity() const {
  Json identity = patch_.identity();
  identity["method"] = method_;
  if (method_ == "ig") {
    identity["steps"] = steps();
  }
  if (stored_) {
    identity["traces"] = {clean_->fingerprint(), corrupted_->fingerprint()};
  }
  return identity;
}

SweepSpec AttributeMethod::spec(const Model& model, const Task& task) {
  SweepSpec spec = patch_.spec(request, *source_);
  if (stored_) {
    check_stored_runs(
        model, task, spec, *stored_, record_task_words(request.task, request.task_options()));
  }
  return spec;
}

SweepPlan AttributeMethod::check(const PlannedSweep& it) const {
  return check_attribution(it.model, it.task, it.spec, options(), it.options);
}

bool AttributeMethod::execute(const PlannedSweep& it, SweepSink& sink) const {
  return run_attribution(it.model, it.task, it.spec, options(), it.options, sink);
}

}  // namespace headscope
