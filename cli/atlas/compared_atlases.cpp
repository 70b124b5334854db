#include "cli/atlas/compared_atlases.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "analyses/attribution/agreement.h"
#include "cli/output.h"
#include "cli/provenance_text.h"
#include "cli/render/table.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

struct ComparedDetector {
  std::string name;
  Agreement agreement;
  std::vector<HeadId> both;
  std::vector<HeadId> only_a;
  std::vector<HeadId> only_b;
};

// Those of `from` that are in `other`, or are not.
std::vector<HeadId> heads_in_both(const std::vector<HeadId>& from,
                                  const std::vector<HeadId>& other) {
  std::vector<HeadId> found;
  std::copy_if(from.begin(), from.end(), std::back_inserter(found), [&](const HeadId& head) {
    return std::find(other.begin(), other.end(), head) != other.end();
  });
  return found;
}
std::vector<HeadId> heads_in_one(const std::vector<HeadId>& from,
                                 const std::vector<HeadId>& other) {
  std::vector<HeadId> found;
  std::copy_if(from.begin(), from.end(), std::back_inserter(found), [&](const HeadId& head) {
    return std::find(other.begin(), other.end(), head) == other.end();
  });
  return found;
}

std::vector<ComparedDetector> compared_detectors(const Atlas& a, const Atlas& b) {
  if (!(a.grid() == b.grid())) {
    throw UsageError(
        "an atlas of {} × {} heads and one of {} × {}: heads compare by number only "
        "in models of one shape",
        a.n_layers,
        a.n_heads,
        b.n_layers,
        b.n_heads);
  }
  std::vector<ComparedDetector> found;
  for (const Detection& each : a.detections) {
    const Detection* other = b.find(each.detector.name);
    if (!each.ran() || other == nullptr || !other->ran()) {
      continue;
    }
    const auto of_a = each.with_role();
    const auto of_b = other->with_role();
    found.push_back({each.detector.name,
                     agreement_of(each.score.values, other->score.values),
                     heads_in_both(of_a, of_b),
                     heads_in_one(of_a, of_b),
                     heads_in_one(of_b, of_a)});
  }
  if (found.empty()) {
    throw UsageError("the atlases have no detector in common that ran in both");
  }
  return found;
}

std::string role_heads_text(const std::vector<HeadId>& heads) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(heads.size(), kShown); ++i) {
    text += (i == 0 ? "" : " ") + to_string(heads[i]);
  }
  return heads.size() > kShown ? text + " …" : text;
}

OrderedJson role_heads_json(const std::vector<HeadId>& heads) {
  OrderedJson list = OrderedJson::array();
  for (const HeadId& head : heads) {
    list.push_back(head_json(head));
  }
  return list;
}

OrderedJson agreement_number(const std::optional<double>& value) {
  return value ? OrderedJson(*value) : OrderedJson();
}

}  // namespace

std::string compared_atlases_text(const Atlas& a, const Atlas& b) {
  Table table({{"detector"},
               {"Pearson"},
               {"Spearman"},
               {"role in both", 3, "both"},
               {"A alone"},
               {"heads of A alone"},
               {"B alone"},
               {"heads of B alone"}});
  for (const ComparedDetector& each : compared_detectors(a, b)) {
    table.row({each.name,
               agreement_number(each.agreement.pearson),
               agreement_number(each.agreement.spearman),
               each.both.size(),
               each.only_a.size(),
               role_heads_text(each.only_a),
               each.only_b.size(),
               role_heads_text(each.only_b)});
  }
  return facts({{"A", text_of(a.provenance, "model")}, {"B", text_of(b.provenance, "model")}}) +
         "\n" + table.text();
}

OrderedJson compared_atlases_json(const Atlas& a, const Atlas& b) {
  OrderedJson detectors = OrderedJson::array();
  for (const ComparedDetector& each : compared_detectors(a, b)) {
    detectors.push_back({{"detector", each.name},
                         {"pearson", agreement_number(each.agreement.pearson)},
                         {"spearman", agreement_number(each.agreement.spearman)},
                         {"both", role_heads_json(each.both)},
                         {"only_a", role_heads_json(each.only_a)},
                         {"only_b", role_heads_json(each.only_b)}});
  }
  return {{"format", "headscope-compared-atlases"},
          {"version", 1},
          {"a", text_of(a.provenance, "model")},
          {"b", text_of(b.provenance, "model")},
          {"detectors", std::move(detectors)}};
}

}  // namespace headscope
