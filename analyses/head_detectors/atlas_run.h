// An atlas made detector by detector, so that what is finished can be kept and gone on with later.
#pragma once

#include <filesystem>
#include <vector>

#include "analyses/head_detectors/atlas.h"

namespace headscope {

// Of a model, without any detection yet.
Atlas new_atlas(const Model& model, Json provenance);

// What an earlier run left in the file at `path`, as far as it may be gone on with: detectors that
// did not run are left out, since they may run now. Throws what read_atlas() does, and UsageError
// naming the first thing in which the identity of the file's provenance differs from that of
// `wanted`.
Atlas resumed_atlas(const std::filesystem::path& path, const Atlas& wanted);

// Of `detectors` those that the atlas does not have. The others are given their functions back,
// which no file holds. Throws UsageError naming `path` and the detector if the atlas has one of its
// name that was made with another definition, threshold or task.
std::vector<Detector> detectors_left(Atlas& atlas,
                                     const std::vector<Detector>& detectors,
                                     const std::filesystem::path& path);

// Runs options.detectors. Each detection is in the atlas, sorted as `order` lists its detectors,
// when options.finished hears of it.
void detect_into(Atlas& atlas,
                 const Model& model,
                 const DetectOptions& options,
                 const std::vector<Detector>& order);

// Throws an error of the kind of the first failure, naming every detector that failed; if none did,
// DataError naming those that are undefined for the model. The others ran, and are in the atlas.
void check_all_ran(const Atlas& atlas);

}  // namespace headscope
