#include "analyses/path_patching/path_patch_method.h"

#include <fmt/format.h>

#include "lib/base/json.h"

namespace headscope {
namespace {

// In the order the forward pass reaches them.
std::vector<SweptPart> parts_of_senders(const std::string& senders, const ModelConfig& config) {
  if (senders == "heads") {
    return {{Site::z, true}};
  }
  if (senders == "mlps") {
    return {{Site::mlp_out, false}};
  }
  return has_mlp(config) ? std::vector<SweptPart>{{Site::z, true}, {Site::mlp_out, false}}
                         : std::vector<SweptPart>{{Site::z, true}};
}

}  // namespace

RequestFields PathPatchMethod::fields() {
  return {{.name = "receiver",
           .place = &receivers_,
           .help = "Where paths end: logits, LAYER:resid_post or LAYER.HEAD:q, :k, :v; several act "
                   "together. HEAD is a query head; where heads share keys and values, k and v are "
                   "its own view of them and the other heads of the group keep theirs",
           .need = RequestField::Need::required},
          {.name = "senders",
           .place = &senders_,
           .help = "heads, mlps or heads,mlps",
           .choices = {"heads", "mlps", "heads,mlps"}},
          {.name = "freeze-mlps",
           .place = &freeze_mlps_,
           .help = "no: paths may pass through MLPs (as in the IOI paper); yes: none does",
           .choices = {"yes", "no"}},
          {.name = "receiver-positions",
           .place = &receiver_positions_,
           .help = "Where the receivers' inputs are replaced, spelled as --positions"},
          {.name = "from",
           .place = &from_,
           .help = "The run the senders' values come from",
           .choices = run_names()}};
}

void PathPatchMethod::open() {
  source_ = std::make_unique<const OtherRun>(parse_run(from_));
}

std::string PathPatchMethod::receivers_text() const {
  std::string text;
  for (const std::string& receiver : receivers_) {
    text += (text.empty() ? "" : ", ") + receiver;
  }
  return text;
}

PathOptions PathPatchMethod::path_options(const ModelConfig& config) const {
  PathOptions path{
      .receivers = {},
      .mlps = freeze_mlps_ == "yes" ? PathOptions::Mlps::freeze : PathOptions::Mlps::recompute,
      .positions = {receiver_positions_}};
  for (const std::string& text : receivers_) {
    path.receivers.push_back(parse_receiver(text, config));
  }
  return path;
}

std::string PathPatchMethod::title() const {
  return fmt::format("{} → {}, {} run ← {}{}",
                     senders_,
                     receivers_text(),
                     to_string(into()),
                     from_,
                     freeze_mlps_ == "yes" ? ", MLPs frozen" : "");
}

Json PathPatchMethod::identity() const {
  return {{"receivers", receivers_text()},
          {"senders", senders_},
          {"freeze_mlps", freeze_mlps_},
          {"receiver_positions", receiver_positions_},
          {"from", from_},
          {"into", to_string(into())}};
}

SweepSpec PathPatchMethod::spec(const Model& model, const Task& task) {
  paths_ = std::make_unique<Paths>(path_options(model.config()), task.items, model.config());
  return {.parts = parts_of_senders(senders_, model.config()),
          .positions = {request.positions},
          .into = into(),
          .source = source_.get(),
          .metric = &find_metric(request.metric),
          .runner = paths_.get()};
}

}  // namespace headscope
