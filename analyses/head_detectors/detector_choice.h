// Detectors as a user asks for them: by name, or "all", and files of their own.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analyses/head_detectors/detector.h"

namespace headscope {

// What "all" means. A trace serves detectors that read attention; the others run the model.
enum class AllDetectors { every_one, that_read_attention };

// In the order asked for, each once. Throws what find_detector() and custom_detector() do, and
// UsageError if two files give their detectors one name.
std::vector<Detector> chosen_detectors(const std::vector<std::string>& names,
                                       const std::vector<std::filesystem::path>& files,
                                       AllDetectors all);

}  // namespace headscope
