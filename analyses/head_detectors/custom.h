// Detectors that users write as JSON.
#pragma once

#include <filesystem>

#include "analyses/head_detectors/detector.h"

namespace headscope {

// {"name": "mover", "task": "ioi", "from": "end", "to": "IO", "control": "S1", "threshold": 0.3,
//  "role": "name mover", "summary": "…", "source": "…"}: mean attention of each head from the
// tokens of one span to those of another. `task` is a built-in task, or a task file (its path
// counts from the JSON's folder); control, threshold, role, summary and source may be absent.
// Throws DataError naming the file and the key: unknown, missing, of another type, a name that a
// detector has, a span the task lacks.
Detector custom_detector(const std::filesystem::path& json);

}  // namespace headscope
