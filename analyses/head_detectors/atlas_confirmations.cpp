// Confirmations of an atlas as JSON.
#include <limits>

#include "analyses/head_detectors/atlas_parts.h"
#include "hooks/stored/h5/file.h"

namespace headscope {
namespace {

// JSON has no NaN: what is undefined is null there.
double number_or_nan(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

std::vector<HeadId> heads_of(const Json& indices, const HeadGrid& grid) {
  std::vector<HeadId> heads;
  for (const Json& index : indices) {
    if (index.get<std::size_t>() >= grid.size()) {
      throw h5::Failure("a confirmation names a head that is not there");
    }
    heads.push_back(grid.head_at(index.get<std::size_t>()));
  }
  return heads;
}

}  // namespace

OrderedJson to_json(const Confirmation& c, const HeadGrid& grid) {
  return {{"detector", c.detector},
          {"behaviour", c.behaviour},
          {"heads", grid.indices_of(c.heads)},
          {"intact", c.intact},
          {"ablated", c.ablated},
          {"low", c.low},
          {"high", c.high},
          {"random", c.random},
          {"beyond_low", c.beyond_low},
          {"beyond_high", c.beyond_high},
          {"single", c.single},
          {"asked", {c.asked.heads, c.asked.draws, c.asked.seed}}};
}

Confirmation confirmation_of(const Json& json, const HeadGrid& grid) {
  return {
      .detector = json.at("detector"),
      .behaviour = json.at("behaviour"),
      .heads = heads_of(json.at("heads"), grid),
      .intact = json.at("intact"),
      .ablated = json.at("ablated"),
      .low = number_or_nan(json.at("low")),
      .high = number_or_nan(json.at("high")),
      .random = json.at("random"),
      .beyond_low = number_or_nan(json.value("beyond_low", Json())),
      .beyond_high = number_or_nan(json.value("beyond_high", Json())),
      .asked = {json.at("asked").at(0).get<std::size_t>(),
                // Of an earlier version, which kept too little: asked for again, it is made again.
                json.contains("beyond_low") ? json.at("asked").at(1).get<int>() : 0,
                json.at("asked").at(2).get<std::uint64_t>()},
      .single = json.at("single")};
}

}  // namespace headscope
