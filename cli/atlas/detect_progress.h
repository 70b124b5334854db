// What detect says while it works: a bar on a terminal, and off one a line a step, so that minutes
// do not pass in silence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analyses/head_detectors/detect.h"
#include "cli/render/progress.h"

namespace headscope {

class DetectProgress {
 public:
  explicit DetectProgress(std::size_t detectors);

  void step(const std::string& name, double part);  // `part` of all the work is done
  void finished(const Detection& detection);

 private:
  Progress bar_;
  std::size_t detectors_;
  bool lines_;  // standard error is no terminal
  std::int64_t shown_ = 0;
  std::string step_;
  std::size_t finished_ = 0;
};

class ConfirmProgress {
 public:
  void role(const std::string& detector, std::size_t done, std::size_t all);

 private:
  std::optional<Progress> bar_;
};

}  // namespace headscope
