// An atlas made by several processes: detectors that read the same prompts are one piece of work.
#pragma once

#include <vector>

#include "analyses/cluster/shared_work.h"
#include "analyses/head_detectors/confirm.h"

namespace headscope {

// options.detectors in pieces: those that one pass serves together, and each other by itself.
std::vector<std::vector<Detector>> detector_pieces(const std::vector<Detector>& detectors);

// Runs options.detectors, or takes those that `atlas` has already, and puts all into it, in their
// order: the same bits as detect_into(), but for the seconds. Throws what SharedWork::run() does.
void detect_shared(Atlas& atlas,
                   const Model& model,
                   const DetectOptions& options,
                   SharedWork& work);

// Confirms roles as confirm_roles() does, each a piece. The atlas must be the same in all ranks.
void confirm_shared(Atlas& atlas,
                    const Model& model,
                    const ConfirmOptions& options,
                    SharedWork& work);

}  // namespace headscope
