#include "cli/render/html_viewer.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "cli/render/assets.h"
#include "cli/render/map_scores.h"
#include "cli/render/packed_map.h"
#include "cli/render/page_palettes.h"
#include "cli/render/page_policy.h"
#include "cli/render/text_codes.h"
#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

std::string head_of(const ViewerData& data) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"generator\" content=\"headscope {}\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n"
      "<noscript>This page needs JavaScript to unpack its maps.</noscript>\n"
      "<div id=\"app\"><p class=\"loading\">Loading {} …</p></div>\n",
      page_policy(asset_viewer_js_sha256()),
      kVersion,
      escaped(visible(data.title + " · " + data.model, Spaces::kept)),
      std::string(asset_page_css()) + std::string(asset_viewer_css()),
      escaped(visible(data.model, Spaces::kept)));
}

// Base64 holds three bytes in four letters; the page's own text and names take the rest.
constexpr double kRoomForMaps = 28e6;

OrderedJson scores_json() {
  OrderedJson names = OrderedJson::array();
  for (const MapScoreName& score : kMapScores) {
    names.push_back({{"name", score.name}, {"meaning", score.meaning}});
  }
  return names;
}

// Four digits are as many as anyone sorts by.
OrderedJson rounded(const MapScores& scores) {
  OrderedJson list = OrderedJson::array();
  for (const double score : scores) {
    list.push_back(std::isnan(score) ? OrderedJson() : OrderedJson(std::round(score * 1e4) / 1e4));
  }
  return list;
}

OrderedJson prompts_json(const ViewerData& data) {
  OrderedJson prompts = OrderedJson::array();
  for (const auto& prompt : data.prompts) {
    OrderedJson tokens = OrderedJson::array();
    for (const auto& token : prompt.tokens) {
      tokens.push_back(visible(token));
    }
    prompts.push_back({{"id", visible(prompt.id, Spaces::kept)},
                       {"source", visible(prompt.source, Spaces::kept)},
                       {"tokens", std::move(tokens)}});
    if (!prompt.gap.empty()) {
      prompts.back()["gap"] = prompt.gap;
    }
  }
  return prompts;
}

}  // namespace

HtmlViewerWriter::HtmlViewerWriter(const std::filesystem::path& path, ViewerData data)
    : data_(std::move(data)), file_(path) {
  check_page_output(path);
  if (data_.prompts.empty()) {
    throw UsageError("{}: a viewer needs at least one prompt", path.string());
  }
  file_.write(head_of(data_));
}

void HtmlViewerWriter::add_map(std::size_t prompt,
                               std::int64_t layer,
                               std::int64_t head,
                               std::span<const float> values) {
  if (prompt >= data_.prompts.size()) {
    throw InternalError("viewer: prompt {} of {}", prompt, data_.prompts.size());
  }
  const auto size = static_cast<std::int64_t>(data_.prompts[prompt].tokens.size());
  if (static_cast<std::int64_t>(values.size()) != size * size) {
    throw InternalError("viewer: {} values for {} tokens", values.size(), size);
  }
  if (!written_.emplace(prompt, layer, head).second) {
    throw InternalError("viewer: prompt {} layer {} head {} was given twice", prompt, layer, head);
  }
  const PackedMap map = pack_map(values, size, data_.mask, room_for(size));
  file_.write(fmt::format(
      "<script type=\"application/octet-stream\" id=\"m{}-{}-{}\">", prompt, layer, head));
  file_.write(base64(map.bytes));
  file_.write("</script>\n");
  const bool pattern =
      map.encoding == PackedMap::Encoding::unit || map.encoding == PackedMap::Encoding::root;
  maps_.push_back(
      {prompt,
       layer,
       head,
       static_cast<int>(map.encoding),
       map.low,
       map.high,
       map.levels,
       pattern ? rounded(map_scores(values, data_.prompts[prompt].tokens)) : OrderedJson::array()});
}

// A map's share of the page, by its part of all the values that will come.
std::int64_t HtmlViewerWriter::room_for(std::int64_t size) const {
  const double values = static_cast<double>(stored_values(size, data_.mask));
  return data_.values == 0 ? 0
                           : static_cast<std::int64_t>(kRoomForMaps * values /
                                                       static_cast<double>(data_.values)) +
                                 1;
}

// {"name", "of": {"3.2": 0.9}}, or null.
OrderedJson HtmlViewerWriter::own_scores_json() const {
  if (data_.own_scores.name.empty()) {
    return nullptr;
  }
  OrderedJson of = OrderedJson::object();
  for (const auto& [head, score] : data_.own_scores.of_heads) {
    if (std::isfinite(score)) {
      of[fmt::format("{}.{}", head.first, head.second)] = score;
    }
  }
  return {{"name", visible(data_.own_scores.name, Spaces::kept)}, {"of", std::move(of)}};
}

void HtmlViewerWriter::finish() {
  if (written_.empty()) {
    throw UsageError("the viewer has no maps: record a hook with query and key axes");
  }
  const OrderedJson index = {{"title", visible(data_.title, Spaces::kept)},
                             {"model", visible(data_.model, Spaces::kept)},
                             {"hook", visible(data_.hook, Spaces::kept)},
                             {"causal", data_.mask == Mask::causal},
                             {"version", kVersion},
                             {"palettes",
                              {{"sequential", palette_text(ColorMap::sequential)},
                               {"diverging", palette_text(ColorMap::diverging)},
                               {"diverging_dark", palette_text(ColorMap::diverging_dark)}}},
                             {"scores", scores_json()},
                             {"own_scores", own_scores_json()},
                             {"prompts", prompts_json(data_)},
                             {"maps", maps_}};
  file_.write("<script type=\"application/json\" id=\"index\">" + inert(index.dump()) +
              "</script>\n<script>");
  file_.write(asset_page_js());
  file_.write("</script>\n<script>");
  file_.write(asset_viewer_js());
  file_.write("</script>\n</body>\n</html>\n");
  file_.commit();
}

}  // namespace headscope
