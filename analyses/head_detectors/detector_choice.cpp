#include "analyses/head_detectors/detector_choice.h"

#include <algorithm>

#include "analyses/head_detectors/custom.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

void add_once(std::vector<Detector>& detectors, const Detector& detector) {
  const auto same = [&](const Detector& each) { return each.name == detector.name; };
  if (std::none_of(detectors.begin(), detectors.end(), same)) {
    detectors.push_back(detector);
  } else if (!detector.content.empty()) {
    throw UsageError("two detectors of the name {}: give one another", detector.name);
  }
}

}  // namespace

std::vector<Detector> chosen_detectors(const std::vector<std::string>& names,
                                       const std::vector<std::filesystem::path>& files,
                                       AllDetectors all) {
  std::vector<Detector> detectors;
  for (const std::string& name : names) {
    if (name != "all") {
      add_once(detectors, find_detector(name));
      continue;
    }
    for (const Detector& detector : all_detectors()) {
      if (detector.reading || all == AllDetectors::every_one) {
        add_once(detectors, detector);
      }
    }
  }
  for (const std::filesystem::path& file : files) {
    add_once(detectors, custom_detector(file));
  }
  return detectors;
}

}  // namespace headscope
