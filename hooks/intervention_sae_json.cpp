#include "hooks/intervention_sae_json.h"

#include <vector>

#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

std::vector<double> sae_value_from(InterventionFields& fields) {
  const Json* json = fields.find("value");
  if (json == nullptr) {
    return {};
  }
  if (!json->is_array()) {
    return {*fields.number("value")};
  }
  std::vector<double> values;
  for (const Json& each : *json) {
    if (!each.is_number() || !is_f32(each.get<double>())) {
      fields.fail("value", "a number that f32 holds, or a list of one for each feature");
    }
    values.push_back(each.get<double>());
  }
  return values;
}

}  // namespace

SaeChange sae_from(InterventionFields& fields, const std::filesystem::path& folder) {
  SaeChange sae;
  const auto path = fields.text("sae");
  if (!path) {
    throw DataError("{}: op \"sae\" needs \"sae\", the folder of a sparse autoencoder",
                    fields.where());
  }
  sae.folder = folder / *path;
  sae.features = fields.integers("features").value_or(std::vector<std::int64_t>{});
  const auto act = fields.text("do");
  try {
    sae.act = act ? parse_sae_do(*act) : SaeChange::Do::attach;
  } catch (const DataError& error) {
    throw DataError("{}: {}", fields.where(), error.what());
  }
  sae.value = sae_value_from(fields);
  if (const Json* term = fields.find("error_term")) {
    if (!term->is_boolean()) {
      fields.fail("error_term", "true or false");
    }
    sae.error_term = term->get<bool>();
  }
  return sae;
}

void put_sae(OrderedJson& out, const SaeChange& sae) {
  out["sae"] = sae.folder.string();
  out["do"] = to_string(sae.act);
  if (!sae.features.empty()) {
    out["features"] = sae.features;
  }
  if (!sae.value.empty()) {
    out["value"] = sae.value.size() == 1 ? OrderedJson(sae.value.front()) : OrderedJson(sae.value);
  }
  out["error_term"] = sae.error_term;
}

}  // namespace headscope
