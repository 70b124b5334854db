#include "analyses/head_detectors/detectors.h"
#include "lib/tensor/ops.h"

namespace headscope {

Detector subject_detector() {
  return {
      .name = "subject",
      .role = "subject reader",
      .summary = "reads the subject of a fact into the last token: a content gatherer",
      .definition =
          "mean over prompts of A[end, subject] on the task capitals; control: the mean of "
          "A[end, relation]",
      .source =
          "Geva et al. 2023, arXiv:2304.14767, section 6; content gatherers: Merullo et al. "
          "2023, arXiv:2310.08744",
      .threshold = 0.3,
      .threshold_source = "ours: far above what the control scores; no cut-off is published",
      .reading = Reading{
          .probe = Probe(Probe::task, "capitals"),
          .asks = {.spans = {"COUNTRY", "RELATION"}},
          .score = [](const ProbeView& view) { return view.at(view.span("COUNTRY"), "end"); },
          .control = [](const ProbeView& view) { return view.at(view.span("RELATION"), "end"); }},
      .behaviour = Probe(Probe::task, "capitals"),
  };
}

}  // namespace headscope
