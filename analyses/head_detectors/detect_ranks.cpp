#include "analyses/head_detectors/detect_ranks.h"

#include <algorithm>

#include "analyses/head_detectors/atlas_parts.h"
#include "analyses/head_detectors/detection_json.h"

namespace headscope {
namespace {

bool share_a_pass(const Detector& one, const Detector& other) {
  return one.reading && other.reading && one.reading->probe == other.reading->probe;
}

// What the atlas has of these, or else what they find.
std::vector<Detection> detections_of(const std::vector<Detector>& detectors,
                                     const Atlas& atlas,
                                     const Model& model,
                                     const DetectOptions& options) {
  std::vector<Detection> all;
  DetectOptions left = options;
  left.detectors.clear();
  for (const Detector& each : detectors) {
    if (const Detection* known = atlas.find(each.name)) {
      all.push_back(*known);
    } else {
      left.detectors.push_back(each);
    }
  }
  if (!left.detectors.empty()) {
    for (Detection& each : detect(model, left)) {
      all.push_back(std::move(each));
    }
  }
  return all;
}

Json piece_json(const std::vector<Detection>& detections) {
  Json json = Json::object();
  for (const Detection& each : detections) {
    json[each.detector.name] = detection_json(each);
  }
  return json;
}

}  // namespace

std::vector<std::vector<Detector>> detector_pieces(const std::vector<Detector>& detectors) {
  std::vector<std::vector<Detector>> pieces;
  for (const Detector& each : detectors) {
    const auto same = std::ranges::find_if(
        pieces, [&](const auto& piece) { return share_a_pass(piece.front(), each); });
    if (same == pieces.end()) {
      pieces.push_back({each});
    } else {
      same->push_back(each);
    }
  }
  return pieces;
}

void detect_shared(Atlas& atlas,
                   const Model& model,
                   const DetectOptions& options,
                   SharedWork& work) {
  const std::vector<std::vector<Detector>> pieces = detector_pieces(options.detectors);
  DetectOptions alone = options;
  alone.stop = [&] { return work.stopped(); };
  const auto run = [&](std::int64_t piece) {
    const auto found = detections_of(pieces[static_cast<std::size_t>(piece)], atlas, model, alone);
    if (work.stopped()) {
      throw Interrupted();
    }
    return piece_json(found);
  };
  const std::vector<SharedWork::Piece> brought = work.run("detect", std::ssize(pieces), run);
  std::vector<Detection> all;
  for (const Detector& detector : options.detectors) {
    for (std::size_t i = 0; i < brought.size(); ++i) {
      if (brought[i].value.contains(detector.name)) {
        all.push_back(detection_of(brought[i].value[detector.name], detector, atlas.grid()));
        all.back().seconds = brought[i].seconds / static_cast<double>(pieces[i].size());
      }
    }
  }
  for (Detection& known : atlas.detections) {  // made before, and not asked for now
    if (std::ranges::none_of(all, [&](const Detection& each) {
          return each.detector.name == known.detector.name;
        })) {
      all.push_back(std::move(known));
    }
  }
  atlas.detections = std::move(all);
}

void confirm_shared(Atlas& atlas,
                    const Model& model,
                    const ConfirmOptions& options,
                    SharedWork& work) {
  const std::vector<const Detection*> roles = roles_to_confirm(model, atlas, options);
  ConfirmOptions alone = options;
  alone.stop = [&] { return work.stopped(); };
  Confirmer confirmer(model, alone);
  const auto run = [&](std::int64_t role) {
    const Confirmation found = confirmer.confirm(*roles[static_cast<std::size_t>(role)]);
    if (work.stopped()) {
      throw Interrupted();
    }
    return Json::parse(to_json(found, atlas.grid()).dump());
  };
  for (const SharedWork::Piece& piece : work.run("confirm", std::ssize(roles), run)) {
    Confirmation found = confirmation_of(piece.value, atlas.grid());
    std::erase_if(atlas.confirmations,
                  [&](const Confirmation& c) { return c.detector == found.detector; });
    atlas.confirmations.push_back(std::move(found));
  }
}

}  // namespace headscope
