#include "analyses/head_detectors/atlas_run.h"

#include <algorithm>

#include "hooks/stored/identity.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace headscope {
namespace {

// A file holds what detectors said; what they do is the program's.
void restore_functions(Atlas& atlas) {
  const auto& all = all_detectors();
  for (Detection& each : atlas.detections) {
    const auto same = std::find_if(all.begin(), all.end(), [&](const Detector& detector) {
      return fingerprint(detector) == each.fingerprint;
    });
    if (same != all.end()) {
      each.detector = *same;
    }
  }
}

Detection* detection_named(Atlas& atlas, const std::string& name) {
  const auto found =
      std::find_if(atlas.detections.begin(), atlas.detections.end(), [&](const Detection& each) {
        return each.detector.name == name;
      });
  return found == atlas.detections.end() ? nullptr : &*found;
}

void sort_detections(Atlas& atlas, const std::vector<Detector>& order) {
  const auto place = [&](const Detection& detection) {
    const auto same = [&](const Detector& each) { return each.name == detection.detector.name; };
    return std::find_if(order.begin(), order.end(), same) - order.begin();
  };
  std::stable_sort(atlas.detections.begin(),
                   atlas.detections.end(),
                   [&](const auto& a, const auto& b) { return place(a) < place(b); });
}

std::string detector_names(const Atlas& atlas, std::string Detection::*why) {
  std::string names;
  for (const Detection& each : atlas.detections) {
    if (!(each.*why).empty()) {
      names += (names.empty() ? "" : ", ") + each.detector.name;
    }
  }
  return names;
}

[[noreturn]] void throw_as(int exit_code, const std::string& message) {
  if (exit_code == UsageError("").exit_code()) {
    throw UsageError(message);
  }
  if (exit_code == DataError("").exit_code()) {
    throw DataError(message);
  }
  if (exit_code == ResourceError("").exit_code()) {
    throw ResourceError(message);
  }
  throw InternalError(message);
}

// How a message about some detectors ends: nothing where there are no others.
std::string others_ran(const Atlas& atlas) {
  const bool any = std::any_of(atlas.detections.begin(),
                               atlas.detections.end(),
                               [](const Detection& each) { return each.ran(); });
  return any ? "; the other detectors ran" : "";
}

}  // namespace

Atlas new_atlas(const Model& model, Json provenance) {
  const ModelConfig& config = model.config();
  return {.provenance = std::move(provenance),
          .n_layers = config.n_layers,
          .n_heads = config.n_heads,
          .n_kv_heads = config.n_kv_heads,
          .detections = {}};
}

Atlas resumed_atlas(const std::filesystem::path& path, const Atlas& wanted) {
  Atlas earlier = read_atlas(path);
  if (const auto differs = identity_difference(earlier.provenance, wanted.provenance)) {
    refuse_to_resume(path, *differs, "--overwrite starts again");
  }
  std::erase_if(earlier.detections, [](const Detection& each) { return !each.ran(); });
  restore_functions(earlier);
  earlier.provenance = wanted.provenance;
  return earlier;
}

std::vector<Detector> detectors_left(Atlas& atlas,
                                     const std::vector<Detector>& detectors,
                                     const std::filesystem::path& path) {
  std::vector<Detector> left;
  for (const Detector& detector : detectors) {
    Detection* known = detection_named(atlas, detector.name);
    if (known == nullptr) {
      left.push_back(detector);
    } else if (known->fingerprint != fingerprint(detector)) {
      refuse_to_resume(
          path,
          fmt::format("its {} was made with another definition, threshold or task", detector.name),
          "--overwrite starts again");
    } else {
      known->detector = detector;
    }
  }
  return left;
}

void detect_into(Atlas& atlas,
                 const Model& model,
                 const DetectOptions& options,
                 const std::vector<Detector>& order) {
  DetectOptions keeping = options;
  keeping.finished = [&](const Detection& detection) {
    atlas.detections.push_back(detection);
    sort_detections(atlas, order);
    if (options.finished) {
      options.finished(detection);
    }
  };
  detect(model, keeping);
}

void check_all_ran(const Atlas& atlas) {
  for (const Detection& each : atlas.detections) {
    if (!each.failed.empty()) {
      throw_as(each.exit_code,
               fmt::format("failed, see above: {} ({}){}",
                           detector_names(atlas, &Detection::failed),
                           each.failed,
                           others_ran(atlas)));
    }
  }
  const std::string names = detector_names(atlas, &Detection::undefined);
  if (!names.empty()) {
    throw DataError("undefined for this model, see above: {}{}", names, others_ran(atlas));
  }
}

}  // namespace headscope
