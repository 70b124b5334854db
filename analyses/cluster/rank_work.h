// What one rank has of the work, as the key store holds it: one text, so that it changes at once.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/block_source.h"

namespace headscope {

struct RankWork {
  BlockRange held{};  // that it runs now
  BlockRange rest{};  // behind them: its own to run later, unless another rank takes some
  // Blocks that another one is about to take. They stay here until it has written them down as its
  // own, so that they are somewhere at every moment, whoever is killed.
  BlockRange promised{};
  int promised_to = -1;
  std::int64_t changes = 0;  // so that two texts alike mean that nothing happened between

  [[nodiscard]] bool empty() const { return held.empty() && rest.empty() && promised.empty(); }
  bool operator==(const RankWork&) const = default;
};

std::string to_text(const RankWork& work);
RankWork rank_work_from(const std::string& text);  // InternalError for what to_text() never made

// What rank `rank` begins with: its even share of `blocks` among `ranks`, neighbours together,
// since neighbours have prompts in common. Nothing for one that joins later.
RankWork first_share(std::int64_t blocks, int ranks, int rank);

}  // namespace headscope
