#include "lib/families/verified.h"

#include "lib/base/embed.h"
#include "lib/base/json.h"

HEADSCOPE_EMBED(verified_json, HEADSCOPE_VERIFIED_DATA)

namespace headscope {
namespace {

std::vector<Verified> read_verified() {
  std::vector<Verified> all;
  const OrderedJson json = OrderedJson::parse(verified_json());
  for (const auto& [family, entry] : json.items()) {
    all.push_back({.family = family,
                   .against = entry.at("against").get<std::string>(),
                   .models = entry.at("models").get<std::vector<std::string>>(),
                   .logits = entry.at("logits").get<double>(),
                   .hooks = entry.at("hooks").get<double>()});
  }
  return all;
}

}  // namespace

const std::vector<Verified>& verified_families() {
  static const std::vector<Verified> all = read_verified();
  return all;
}

const Verified* find_verified(std::string_view family) {
  for (const Verified& each : verified_families()) {
    if (each.family == family) {
      return &each;
    }
  }
  return nullptr;
}

}  // namespace headscope
