#include "cli/atlas/atlas_page.h"

#include <cmath>

#include <fmt/format.h>

#include "cli/atlas/role_groups.h"
#include "cli/provenance_text.h"
#include "cli/render/assets.h"
#include "cli/render/color.h"
#include "cli/render/map_page.h"
#include "cli/render/page_palettes.h"
#include "cli/render/page_policy.h"
#include "cli/render/text_codes.h"
#include "cli/render/visible.h"
#include "lib/base/counted.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

// Four digits are more than a picture shows, and keep the page small.
OrderedJson rounded(const std::vector<double>& values) {
  OrderedJson json = OrderedJson::array();
  for (const double value : values) {
    json.push_back(std::abs(value) < 1e-12 ? OrderedJson(0)
                                           : OrderedJson(std::stod(fmt::format("{:.4g}", value))));
  }
  return json;
}

OrderedJson detection_json(const Detection& d) {
  OrderedJson json{{"name", d.detector.name},
                   {"role", d.detector.role},
                   {"summary", d.detector.summary},
                   {"definition", d.detector.definition},
                   {"source", d.detector.source},
                   {"threshold_source", d.detector.threshold_source},
                   {"undefined", d.undefined},
                   {"failed", d.failed}};
  json["threshold"] = d.detector.threshold ? OrderedJson(*d.detector.threshold) : OrderedJson();
  if (!d.ran()) {
    return json;
  }
  json["score"] = rounded(d.score.values);
  json["low"] = rounded(d.low.values);
  json["high"] = rounded(d.high.values);
  json["control"] = d.control.empty() ? OrderedJson() : rounded(d.control.values);
  json["heads"] = d.score.grid.indices_of(d.with_role());
  json["groups"] = OrderedJson::object();
  for (const auto& [group, scores] : d.groups) {
    json["groups"][group] = rounded(scores.values);
  }
  return json;
}

OrderedJson confirmation_json(const Confirmation& c, const HeadGrid& grid) {
  return {{"detector", c.detector},
          {"behaviour", c.behaviour},
          {"heads", grid.indices_of(c.heads)},
          {"intact", c.intact},
          {"change", c.change()},
          {"low", c.low},
          {"high", c.high},
          {"random_mean", c.random_mean()},
          {"single", c.single},
          {"confirmed", c.confirmed()}};
}

OrderedJson shown(const std::vector<std::string>& pieces) {
  OrderedJson tokens = OrderedJson::array();
  for (const std::string& piece : pieces) {
    tokens.push_back(visible(piece));
  }
  return tokens;
}

OrderedJson examples_json(const Examples& examples) {
  OrderedJson json{{"prompts", OrderedJson::array()},
                   {"texts", OrderedJson::array()},
                   {"attended", OrderedJson::array()}};
  for (const ExamplePrompt& prompt : examples.prompts) {
    const std::string bytes(prompt.maps.begin(), prompt.maps.end());
    json["prompts"].push_back(
        {{"name", prompt.name}, {"tokens", shown(prompt.pieces)}, {"map", base64(bytes)}});
  }
  for (const auto& text : examples.texts) {
    json["texts"].push_back(shown(text));
  }
  for (const auto& list : examples.attended) {
    json["attended"].push_back(OrderedJson::array());
    for (const Attended& each : list) {
      json["attended"].back().push_back(
          {each.text, each.query, each.key, std::stod(fmt::format("{:.3f}", each.weight))});
    }
  }
  return json;
}

OrderedJson page_json(const Atlas& atlas) {
  const std::string model = text_of(atlas.provenance, "model");
  OrderedJson json{{"title", "Atlas of " + visible(model, Spaces::kept)},
                   {"subtitle",
                    fmt::format("{} layers × {} heads, {}",
                                atlas.n_layers,
                                atlas.n_heads,
                                counted(atlas.detections.size(), "detector"))},
                   {"footer",
                    fmt::format("{} · weights {} · headscope {}",
                                text_of(atlas.provenance, "command_line"),
                                text_of(atlas.provenance, "weights_hash"),
                                kVersion)},
                   {"n_layers", atlas.n_layers},
                   {"n_heads", atlas.n_heads},
                   {"n_kv_heads", atlas.n_kv_heads},
                   {"palette", palette_text(ColorMap::sequential)}};
  json.update(examples_json(atlas.examples));
  json["groups"] = OrderedJson::array();
  for (const RoleGroup& group : role_groups()) {
    json["groups"].push_back(
        {{"name", group.name}, {"detectors", group.detectors}, {"prompt", group.prompt}});
  }
  json["detectors"] = OrderedJson::array();
  for (const Detection& each : atlas.detections) {
    json["detectors"].push_back(detection_json(each));
  }
  json["confirmations"] = OrderedJson::array();
  for (const Confirmation& each : atlas.confirmations) {
    json["confirmations"].push_back(confirmation_json(each, atlas.grid()));
  }
  return json;
}

}  // namespace

void write_atlas_page(const Atlas& atlas, const std::filesystem::path& path) {
  check_page_output(path);
  const OrderedJson index = page_json(atlas);
  write_file(path, map_page({index, asset_atlas_css(), asset_atlas_js(), asset_atlas_js_sha256()}));
}

}  // namespace headscope
