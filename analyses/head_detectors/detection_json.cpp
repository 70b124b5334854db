#include "analyses/head_detectors/detection_json.h"

#include "analyses/cluster/bits_text.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

HeadScores scores_of(const Json& json, const HeadGrid& grid) {
  return {grid, values_of_bits(json.get<std::string>())};
}

}  // namespace

Json detection_json(const Detection& d) {
  Json groups = Json::object();
  for (const auto& [name, scores] : d.groups) {
    groups[name] = bits_text(scores.values);
  }
  return {{"fingerprint", d.fingerprint},
          {"undefined", d.undefined},
          {"failed", d.failed},
          {"exit_code", d.exit_code},
          {"score", bits_text(d.score.values)},
          {"low", bits_text(d.low.values)},
          {"high", bits_text(d.high.values)},
          {"control", bits_text(d.control.values)},
          {"samples", d.samples.samples},
          {"sample_values", bits_text(d.samples.values)},
          {"groups", groups},
          {"notes", d.notes.dump()}};  // as text: the order of its keys is kept
}

Detection detection_of(const Json& json, const Detector& detector, const HeadGrid& grid) {
  if (json.at("fingerprint") != fingerprint(detector)) {
    throw DataError("a rank's log has another detector in the place of {}", detector.name);
  }
  Detection d{
      .detector = detector,
      .fingerprint = json.at("fingerprint"),
      .undefined = json.at("undefined"),
      .failed = json.at("failed"),
      .exit_code = json.at("exit_code"),
      .score = scores_of(json.at("score"), grid),
      .low = scores_of(json.at("low"), grid),
      .high = scores_of(json.at("high"), grid),
      .control = scores_of(json.at("control"), grid),
      .samples = {json.at("samples"), values_of_bits(json.at("sample_values").get<std::string>())},
      .notes = OrderedJson::parse(json.at("notes").get<std::string>())};
  for (const auto& [name, scores] : json.at("groups").items()) {
    d.groups[name] = scores_of(scores, grid);
  }
  return d;
}

}  // namespace headscope
