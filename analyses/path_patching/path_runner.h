// Path patching (Wang et al. 2022, arXiv:2211.00593, appendix B; Goldowsky-Dill et al. 2023,
// arXiv:2304.05969): what a sender's change does through the direct paths to a receiver alone.
//
//   A  the other run gives the sender's value,
//   B  this run gives everything else,
//   C  the sender's change travels up the stream with every attention output frozen as in B (and
//   the
//      MLPs too, if asked), as far as the receivers, whose inputs are kept,
//   D  this run again with those inputs in the receivers; everything after them is computed.
//
// In C nothing moves between positions, so it runs only the columns the receivers read: one, for
// the logits. Of a changed model, and where it is asked for, all are whole passes (whole_run()).
#pragma once

#include <memory>
#include <vector>

#include "analyses/path_patching/receiver.h"
#include "analyses/sweep/positions.h"
#include "analyses/sweep/row_runner.h"

namespace headscope {

struct PathOptions {
  std::vector<Receiver> receivers;
  enum class Mlps { recompute, freeze } mlps = Mlps::recompute;
  PositionChoice positions{};  // where the receivers' inputs are replaced
};

class Paths final : public RowRunnerMaker {
 public:
  // Throws UsageError as check(receivers) does. `items` live as long as this.
  Paths(PathOptions options, const std::vector<TaskItem>& items, const ModelConfig& config);

  [[nodiscard]] std::vector<Site> sites(const ModelConfig& config) const override;
  [[nodiscard]] std::int64_t first_column(const PromptBatch& batch,
                                          std::int64_t first) const override;
  [[nodiscard]] bool reaches(Site site, std::int64_t layer) const override;
  [[nodiscard]] std::unique_ptr<RowRunner> make(const Model& model,
                                                const RunValues& run,
                                                std::int64_t kept_from,
                                                const PromptBatch& batch,
                                                std::int64_t first) const override;

  [[nodiscard]] Tensor whole_run(const WholeRun& in) const override;
  [[nodiscard]] std::vector<Site> sites_of_whole_run() const override;
  // Where heads share keys and values, a receiver's z is attended anew for its own view of them,
  // beside the pass: no change of that layer's scores, pattern or z would reach it.
  void check_whole_run(const Model& model) const override;

 private:
  PathOptions options_;
  const std::vector<TaskItem>& items_;
  std::int64_t end_;  // the layer whose incoming stream the last receiver reads
};

}  // namespace headscope
