// What a rank does, as a file that Prometheus' node exporter collects (textfile): beside the rank's
// results, rank-0003.prom.
#pragma once

#include <cstdint>
#include <filesystem>

#include "analyses/cluster/block_queue.h"

namespace headscope {

class RankMetrics {
 public:
  RankMetrics(const std::filesystem::path& out, int rank);
  ~RankMetrics();  // removes the file: the rank is no more
  RankMetrics(const RankMetrics&) = delete;
  RankMetrics& operator=(const RankMetrics&) = delete;

  // The last turn is over and this one begins. A file that cannot be written stops nobody.
  void turn(const BlockQueue::Turn& turn);

 private:
  void write() const;

  std::filesystem::path path_;
  int rank_;
  BlockQueue::Turn last_{};
  double since_ = 0.0;
  std::int64_t blocks_ = 0;
  double running_ = 0.0;  // seconds
  double waiting_ = 0.0;
};

}  // namespace headscope
