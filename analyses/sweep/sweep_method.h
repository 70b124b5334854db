// What one method (patching, ablation, path patching, attribution) makes of a request to sweep a
// grid. The list of methods is analyses/sweep_file/sweep_methods.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "analyses/sweep/request_field.h"
#include "analyses/sweep/sweep.h"

namespace headscope {

// What every method is told.
struct SweepRequest {
  std::string task;  // the file
  std::string metric = "logit_diff";
  std::string positions = "all";  // that are changed
  PrependBos bos = PrependBos::automatic;
  bool skip_unfit = false;  // leave out items that do not fit the tokenizer
  bool plain = false;       // SweepOptions::Execution::plain
  std::string intervene;    // a file of interventions that change the model first; empty: none
  std::string attention;    // a plan of attention that does so too; empty: none
  std::uint64_t seed = 0;

  [[nodiscard]] TaskOptions task_options() const {
    return {.bos = bos, .unfit = skip_unfit ? TaskOptions::Unfit::skip : TaskOptions::Unfit::fail};
  }
};

// A sweep about to run, or just run.
struct PlannedSweep {
  const Model& model;
  const Task& task;
  const SweepSpec& spec;
  const SweepOptions& options;
};

class SweepMethod {
 public:
  // sharded: its cells can be shared out, and run plainly; together: all come from one pass.
  enum class Cells { sharded, together };
  // stored: every pass was made when traces were recorded, so that interventions fire in none.
  enum class Passes { made, stored };

  virtual ~SweepMethod() = default;

  SweepRequest request = {};

  [[nodiscard]] virtual std::string kind() const = 0;  // "patch"
  [[nodiscard]] virtual Cells cells() const { return Cells::sharded; }

  // What it is told beside the request. They point into this.
  virtual RequestFields fields() = 0;

  // Once the fields are filled. Throws UsageError for what cannot be meant whatever the model, and
  // what opening a file that they name throws.
  virtual void open() = 0;

  // Throws what is wrong with the task's file for the model `name`, as far as its config and
  // tokenizer tell, so that nobody waits for weights to hear of it.
  virtual void check_files(const std::string& /*name*/) const {}

  [[nodiscard]] virtual std::string title() const = 0;  // "z of the corrupted run ← clean"
  [[nodiscard]] virtual Json identity() const = 0;      // what of the fields changes values
  [[nodiscard]] virtual Passes passes() const { return Passes::made; }

  // The cells. What the spec points at lives in this until the next call.
  virtual SweepSpec spec(const Model& model, const Task& task) = 0;

  // The batches that execute() runs in. Throws what it would before its first pass.
  virtual SweepPlan check(const PlannedSweep& sweep) const;
  // Fills the grid; false if sweep.options.stop ended it.
  virtual bool execute(const PlannedSweep& sweep, SweepSink& sink) const;
};

// The request's own fields, which are told to every method: task, metric, positions …
RequestFields request_fields(SweepRequest& request, SweepMethod::Cells cells);

// "layer", "layer,head", "layer,pos", "layer,head,pos", and the last two with "span" in place of
// "pos": what cells are told apart by.
struct OverAxes {
  bool heads = false;
  bool positions = false;
  bool spans = false;  // positions are named spans
};
OverAxes parse_over(const std::string& text);  // UsageError for anything else

// --heads: a set of heads that one cell changes at once; "" for none. `part` is what a spec then
// sweeps. UsageError for what is no list of heads, for one named twice and for a site without
// heads.
std::vector<HeadId> parse_head_set(const std::string& text);
void check_head_set(const std::vector<HeadId>& heads, Site site);
RequestField head_set_field(std::string& place);

}  // namespace headscope
