#include "analyses/head_detectors/custom.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "analyses/task/maker.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

const std::set<std::string> kKeys{
    "name", "task", "from", "to", "control", "threshold", "role", "summary", "source"};

std::string text(const Json& json, const std::string& key, const std::filesystem::path& path) {
  const auto found = json.find(key);
  if (found == json.end()) {
    return {};
  }
  if (!found->is_string() || found->get<std::string>().empty()) {
    throw DataError("{}: \"{}\" is no text", path.string(), key);
  }
  return found->get<std::string>();
}

std::string required(const Json& json, const std::string& key, const std::filesystem::path& path) {
  const std::string value = text(json, key, path);
  if (value.empty()) {
    throw DataError("{}: \"{}\" is missing", path.string(), key);
  }
  return value;
}

std::string read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A built-in task by its name, else a file.
Probe probe_of(const std::string& task, const std::filesystem::path& path) {
  const auto makers = all_task_makers();
  const bool built_in = std::any_of(
      makers.begin(), makers.end(), [&](const TaskMaker& maker) { return maker.name == task; });
  if (built_in) {
    return {Probe::task, task};
  }
  const std::filesystem::path file = path.parent_path() / task;
  if (!path_exists(file)) {
    throw DataError("{}: \"task\" {} is neither a built-in task (headscope task list) nor a file",
                    path.string(),
                    task);
  }
  return {Probe::file, file.string()};
}

void check_keys(const Json& json, const std::filesystem::path& path) {
  if (!json.is_object()) {
    throw DataError("{}: a detector is a JSON object", path.string());
  }
  for (const auto& [key, value] : json.items()) {
    if (!kKeys.contains(key)) {
      throw DataError("{}: unknown key \"{}\"", path.string(), key);
    }
  }
}

void check_name(const std::string& name, const std::filesystem::path& path) {
  const auto& all = all_detectors();
  if (std::any_of(all.begin(), all.end(), [&](const Detector& d) { return d.name == name; })) {
    throw DataError("{}: there is a detector of the name {}; give another", path.string(), name);
  }
  if (name.find('/') != std::string::npos) {
    throw DataError("{}: \"name\" holds a /", path.string());
  }
}

// Names of spans; the control may be empty.
struct AttentionBetween {
  std::string from, to, control;
};

Reading reading_of(const AttentionBetween& spans, Probe probe) {
  Reading reading{.probe = std::move(probe)};
  reading.asks.spans = {spans.to};
  if (!spans.control.empty()) {
    reading.asks.spans.push_back(spans.control);
  }
  if (spans.from != "end") {
    reading.asks.spans.push_back(spans.from);  // so that it is missed where prompts lack it
  }
  reading.score = [spans](const ProbeView& view) {
    return view.at(view.span(spans.to), spans.from);
  };
  if (!spans.control.empty()) {
    reading.control = [spans](const ProbeView& view) {
      return view.at(view.span(spans.control), spans.from);
    };
  }
  return reading;
}

void read_threshold(const Json& json, const std::filesystem::path& path, Detector& detector) {
  const auto threshold = json.find("threshold");
  if (threshold == json.end()) {
    return;
  }
  if (!threshold->is_number()) {
    throw DataError("{}: \"threshold\" is no number", path.string());
  }
  detector.threshold = threshold->get<double>();
  detector.threshold_source = path.filename().string();
}

}  // namespace

Detector custom_detector(const std::filesystem::path& path) {
  const Json json = read_json(path);
  check_keys(json, path);
  const std::string from = required(json, "from", path);
  const std::string to = required(json, "to", path);
  const std::string control = text(json, "control", path);
  Reading reading = reading_of({from, to, control}, probe_of(required(json, "task", path), path));
  Detector detector{.name = required(json, "name", path)};
  check_name(detector.name, path);
  read_threshold(json, path, detector);
  const auto or_else = [](const std::string& given, std::string fallback) {
    return given.empty() ? fallback : given;
  };
  detector.role = or_else(text(json, "role", path), detector.name);
  detector.definition = fmt::format("mean attention from {} to {}{}",
                                    from,
                                    to,
                                    control.empty() ? "" : "; control: to " + control);
  detector.summary = or_else(text(json, "summary", path), detector.definition);
  detector.source = or_else(text(json, "source", path), path.filename().string());
  detector.content = json.dump();
  if (reading.probe.kind == Probe::file) {
    detector.content += read_whole(reading.probe.of);
  }
  detector.behaviour = reading.probe;
  detector.sight = Detector::Sight::any;  // spans say themselves where heads look from and to
  detector.reading = std::move(reading);
  return detector;
}

}  // namespace headscope
