#include "analyses/cluster/rank_metrics.h"

#include "analyses/cluster/rank_files.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"

namespace headscope {

RankMetrics::RankMetrics(const std::filesystem::path& out, int rank)
    : path_(file_of_rank(out, rank, ".prom")), rank_(rank), since_(steady_seconds()) {}

RankMetrics::~RankMetrics() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void RankMetrics::turn(const BlockQueue::Turn& turn) {
  const double now = steady_seconds();
  const bool ran = last_.kind == BlockQueue::Turn::Kind::run;
  (ran ? running_ : waiting_) += now - since_;
  blocks_ += ran ? last_.blocks.size() : 0;
  since_ = now;
  last_ = turn;
  write();
}

void RankMetrics::write() const {
  std::string text;
  const auto add = [&](const char* name, const char* help, double value) {
    text += fmt::format(
        "# HELP headscope_rank_{0} {1}\n# TYPE headscope_rank_{0} counter\n"
        "headscope_rank_{0}{{rank=\"{2}\"}} {3}\n",
        name,
        help,
        rank_,
        value);
  };
  add("blocks_total", "Blocks that this rank finished.", static_cast<double>(blocks_));
  add("running_seconds_total", "Time spent on blocks.", running_);
  add("waiting_seconds_total", "Time without a block to run.", waiting_);
  try {
    write_file(path_, text);
  } catch (const Error&) {  // results say so, if the disk is full
  }
}

}  // namespace headscope
