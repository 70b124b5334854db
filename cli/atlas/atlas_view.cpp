#include "cli/atlas/atlas_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/output.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

std::string interval(double low, double high) {
  if (!(low <= high)) {
    return "–";  // of one sample
  }
  return fmt::format("[{}, {}]", format_number(low), format_number(high));
}

std::vector<std::string> names(const std::vector<HeadId>& heads) {
  std::vector<std::string> result;
  for (const HeadId& head : heads) {
    result.push_back(to_string(head));
  }
  return result;
}

const std::string& why_not(const Detection& d) {
  return d.failed.empty() ? d.undefined : d.failed;
}

OrderedJson heads_json(const std::vector<HeadId>& heads) {
  OrderedJson places = OrderedJson::array();
  for (const HeadId& head : heads) {
    places.push_back(head_json(head));
  }
  return places;
}

OrderedJson head_json(const Detection& d, const HeadId& head) {
  OrderedJson json = head_json(head);
  json["score"] = d.score[head];
  json["low"] = cell_of(d.low[head]);
  json["high"] = cell_of(d.high[head]);
  json["control"] = d.control.empty() ? OrderedJson() : OrderedJson(d.control[head]);
  json["role"] = d.has_role(head);
  return json;
}

OrderedJson detection_json(const Detection& d, std::size_t top) {
  OrderedJson json{{"detector", d.detector.name},
                   {"role", d.detector.role},
                   {"definition", d.detector.definition},
                   {"source", d.detector.source}};
  json["threshold"] = d.detector.threshold ? OrderedJson(*d.detector.threshold) : OrderedJson();
  json["threshold_source"] = d.detector.threshold_source;
  if (!d.ran()) {
    json[d.failed.empty() ? "undefined" : "failed"] = why_not(d);
    return json;
  }
  json["samples"] = d.samples.samples;
  json["seconds"] = d.seconds;
  json["with_role"] = heads_json(d.with_role());
  json["top"] = OrderedJson::array();
  for (const HeadId& head : d.top(top)) {
    json["top"].push_back(head_json(d, head));
  }
  json["scores"] = d.score.values;
  json["notes"] = d.notes;
  return json;
}

OrderedJson confirmation_json(const Confirmation& c) {
  return {{"detector", c.detector},
          {"behaviour", c.behaviour},
          {"heads", heads_json(c.heads)},
          {"intact", c.intact},
          {"ablated", c.ablated},
          {"change", c.change()},
          {"low", cell_of(c.low)},
          {"high", cell_of(c.high)},
          {"random", c.random},
          {"beyond_random", {{"low", cell_of(c.beyond_low)}, {"high", cell_of(c.beyond_high)}}},
          {"single", c.single},
          {"confirmed", c.confirmed()}};
}

}  // namespace

std::string top_heads_text(const Detection& detection, std::size_t top) {
  std::string text;
  for (const HeadId& head : detection.top(top)) {
    text += fmt::format("{}{} {}",
                        text.empty() ? "" : ", ",
                        to_string(head),
                        format_number(detection.score[head], 2));
  }
  return text;
}

Table atlas_table(const Atlas& atlas, std::size_t top) {
  Table table({{"detector"}, {"threshold", 2}, {"heads"}, {"highest"}, {"its 95 %"}, {"control"}});
  for (const Detection& d : atlas.detections) {
    if (!d.ran()) {
      continue;
    }
    const HeadId best = d.top(1).front();
    table.row({d.detector.name,
               d.detector.threshold ? OrderedJson(*d.detector.threshold) : OrderedJson(),
               d.detector.threshold ? OrderedJson(d.with_role().size()) : OrderedJson(),
               top_heads_text(d, top),
               interval(d.low[best], d.high[best]),
               d.control.empty() ? OrderedJson() : OrderedJson(d.control[best])});
  }
  return table;
}

Table not_run_table(const Atlas& atlas) {
  Table table({{"detector"}, {"outcome"}, {"why"}});
  for (const Detection& d : atlas.detections) {
    if (!d.ran()) {
      table.row({d.detector.name, d.failed.empty() ? "undefined" : "failed", why_not(d)});
    }
  }
  return table;
}

Table confirmation_table(const Atlas& atlas) {
  Table table({{"detector"},
               {"ablated"},
               {"behaviour"},
               {"intact"},
               {"change"},
               {"its 95 %"},
               {"random heads"},
               {"confirmed"}});
  for (const Confirmation& c : atlas.confirmations) {
    table.row({c.detector,
               fmt::format("{}", fmt::join(names(c.heads), " ")),
               c.behaviour,
               c.intact,
               c.change(),
               interval(c.low, c.high),
               c.random_mean(),
               c.confirmed()      ? "yes"
               : c.enough_draws() ? "no"
                                  : "too few draws"});
  }
  return table;
}

std::string atlas_text(const Atlas& atlas, std::size_t top) {
  std::string text = atlas_table(atlas, top).text();
  if (const Table others = not_run_table(atlas); others.size() > 0) {
    text += "\n" + others.text();
  }
  if (!atlas.confirmations.empty()) {
    text +=
        fmt::format(
            "\nheads ablated (z replaced by its mean), against as many random ones of the same "
            "layers, on other prompts\nthan those that chose them (confirmed: below zero, below "
            "the mean of the draws, by 95 % intervals over prompts,\nand below every draw, of "
            "which there are {} at least: by chance in 1 of draws + 1)\n",
            kFewestDraws) +
        confirmation_table(atlas).text();
  }
  return text;
}

OrderedJson atlas_json(const Atlas& atlas, std::size_t top) {
  OrderedJson json{{"provenance", atlas.provenance},
                   {"n_layers", atlas.n_layers},
                   {"n_heads", atlas.n_heads},
                   {"n_kv_heads", atlas.n_kv_heads}};
  json["detectors"] = OrderedJson::array();
  for (const Detection& d : atlas.detections) {
    json["detectors"].push_back(detection_json(d, top));
  }
  json["confirmations"] = OrderedJson::array();
  for (const Confirmation& c : atlas.confirmations) {
    json["confirmations"].push_back(confirmation_json(c));
  }
  return json;
}

Table detector_table() {
  Table table({{"detector"}, {"what a head does", 3, "summary"}, {"threshold", 2}, {"source"}});
  for (const Detector& d : all_detectors()) {
    table.row(
        {d.name, d.summary, d.threshold ? OrderedJson(*d.threshold) : OrderedJson(), d.source});
  }
  return table;
}

}  // namespace headscope
