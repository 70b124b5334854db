#include "hooks/provenance.h"

#include <ctime>

#include "lib/base/json.h"
#include "lib/base/version.h"
#include "lib/families/packed_weights.h"
#include "lib/model/attention_plan.h"
#include "lib/model/standing_change.h"

namespace headscope {
namespace {

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace

Json attention_provenance(const AttentionPlan& plan) {
  Json out{{"operators", plan.description()}};
  if (!plan.untrained().empty()) {
    out["untrained"] = plan.untrained();
  }
  return out;
}

Json provenance(const Model& model, const ProvenanceOptions& options) {
  const std::string tokenizer = model.has_tokenizer() ? model.tokenizer().hash() : "none";
  Json identity = {{"weights_hash", model.source().weights_hash},
                   {"tokenizer_hash", tokenizer},
                   {"config", to_json(model.config())},
                   {"dtype", to_string(model.dtype())},
                   {"device", model.device().is_cuda() ? "cuda" : "cpu"},
                   {"headscope_version", kVersion},
                   {"seed", options.seed},
                   {"prepend_bos", to_string(options.prepend_bos)}};
  if (holds_packed(model.weights())) {
    identity["weights"] = "packed";  // products are rounded otherwise
  }
  if (model.standing()) {
    identity["interventions_hash"] = model.standing()->hash();
  }
  if (model.attention_plan()) {
    identity["attention_hash"] = model.attention_plan()->hash();
  }
  Json out = identity;
  out["identity"] = identity;
  if (model.standing()) {
    out["interventions"] = model.standing()->description();
  }
  if (model.attention_plan()) {
    out["attention"] = attention_provenance(*model.attention_plan());
  }
  out["model"] = model.source().name;
  out["bos_prepended"] = options.prepend_bos == PrependBos::yes ||
                         (options.prepend_bos == PrependBos::automatic && model.has_tokenizer() &&
                          model.tokenizer().prepends_bos());
  out["command_line"] = options.command_line;
  out["device"] = to_string(model.device());  // with its index, which changes no value
  out["created"] = utc_now();
  return out;
}

}  // namespace headscope
