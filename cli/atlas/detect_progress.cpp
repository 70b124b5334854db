#include "cli/atlas/detect_progress.h"

#include <algorithm>

#include <unistd.h>

#include "cli/output.h"
#include "cli/render/table.h"

namespace headscope {
namespace {

constexpr std::int64_t kWhole = 1000;  // a bar in thousandths

bool off_a_terminal() {
  return ::isatty(STDERR_FILENO) != 1;
}

std::string outcome_of(const Detection& detection) {
  return detection.ran() ? "" : detection.failed.empty() ? " is undefined" : " failed";
}

}  // namespace

DetectProgress::DetectProgress(std::size_t detectors)
    : bar_(kWhole, {.label = "detecting", .unit = "‰"}),
      detectors_(detectors),
      lines_(off_a_terminal()) {}

void DetectProgress::step(const std::string& name, double part) {
  if (lines_ && name != step_) {
    print_note("detecting: " + name);
    step_ = name;
  }
  bar_.note(name);
  const auto now = static_cast<std::int64_t>(part * kWhole);
  bar_.add(std::max<std::int64_t>(0, now - shown_));
  shown_ = std::max(shown_, now);
}

void DetectProgress::finished(const Detection& detection) {
  ++finished_;
  if (lines_) {
    print_note(fmt::format("{} of {}: {}{}, {}",
                           finished_,
                           detectors_,
                           detection.detector.name,
                           outcome_of(detection),
                           format_seconds(detection.seconds)));
  }
}

void ConfirmProgress::role(const std::string& detector, std::size_t done, std::size_t all) {
  if (!bar_) {
    bar_.emplace(static_cast<std::int64_t>(all),
                 Progress::Options{.label = "confirming", .unit = "roles"});
  }
  bar_->note(detector);
  bar_->add(done > 0 ? 1 : 0);
  if (off_a_terminal()) {
    print_note("confirming: " + detector);
  }
}

}  // namespace headscope
