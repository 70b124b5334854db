#include <cmath>

#include <fmt/format.h>

#include "cli/lens/lens_report.h"
#include "cli/provenance_text.h"
#include "cli/render/assets.h"
#include "cli/render/map_page.h"
#include "cli/render/page_palettes.h"
#include "cli/render/visible.h"
#include "lib/base/counted.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

// [rank, probability or null, logit, [[token, its probability or logit], …]], as lens.js reads it.
OrderedJson page_cell(const LensReading& reading) {
  const bool share = std::isnan(reading.probability);
  OrderedJson top = OrderedJson::array();
  for (const Prediction& each : reading.top) {
    top.push_back({visible(each.piece), share ? each.logit : each.probability});
  }
  return OrderedJson::array({reading.rank,
                             share ? OrderedJson() : OrderedJson(reading.probability),
                             reading.logit,
                             std::move(top)});
}

OrderedJson page_prompt(const LensReport& report, std::size_t index) {
  const LensAnswer& answer = report.answers[index];
  const Prompt& prompt = report.questions[index].prompt;
  OrderedJson columns = OrderedJson::array();
  for (std::size_t at = 0; at < answer.positions.size(); ++at) {
    std::string right;
    for (const std::int32_t token : answer.asked[at]) {
      right += (right.empty() ? "" : " or ") + visible(piece_of(report.model, token));
    }
    const auto token = prompt.tokens[static_cast<std::size_t>(answer.positions[at])];
    columns.push_back({{"position", answer.positions[at]},
                       {"token", visible(piece_of(report.model, token))},
                       {"right", right}});
  }
  OrderedJson cells = OrderedJson::array();
  for (std::size_t row = 0; row < report.rows.size(); ++row) {
    OrderedJson line = OrderedJson::array();
    for (std::size_t at = 0; at < answer.positions.size(); ++at) {
      line.push_back(page_cell(answer.at(row, at)));
    }
    cells.push_back(std::move(line));
  }
  return {{"id", visible(prompt.id, Spaces::kept)},
          {"columns", std::move(columns)},
          {"cells", std::move(cells)}};
}

OrderedJson page_index(const LensReport& report) {
  OrderedJson rows = OrderedJson::array();
  for (const LensRow& row : report.rows) {
    rows.push_back({{"name", name_of(row)}, {"part", to_string(row.part)}});
  }
  OrderedJson prompts = OrderedJson::array();
  for (std::size_t i = 0; i < report.answers.size(); ++i) {
    prompts.push_back(page_prompt(report, i));
  }
  const std::string model = visible(report.model.source().name, Spaces::kept);
  return {
      {"title", report.tuned.empty() ? "Logit lens" : "Tuned lens"},
      {"subtitle",
       fmt::format("{} · {}{}",
                   model,
                   counted(report.answers.size(), "prompt"),
                   report.task.empty() ? "" : " of " + visible(report.task, Spaces::kept))},
      {"footer",
       fmt::format("headscope {} · {} · weights {}",
                   kVersion,
                   visible(text_of(report.provenance, "command_line"), Spaces::kept),
                   text_of(report.provenance, "weights_hash"))},
      {"vocabulary", report.model.config().d_vocab},
      {"rows", std::move(rows)},
      {"palettes",
       {{"light", palette_text(ColorMap::light)}, {"dark", palette_text(ColorMap::sequential)}}},
      {"prompts", std::move(prompts)}};
}

}  // namespace

std::string lens_page(const LensReport& report) {
  const OrderedJson index = page_index(report);
  return map_page({index, asset_lens_css(), asset_lens_js(), asset_lens_js_sha256()});
}

}  // namespace headscope
