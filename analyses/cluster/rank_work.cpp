#include "analyses/cluster/rank_work.h"

#include <sstream>

#include "lib/base/error.h"

namespace headscope {

std::string to_text(const RankWork& work) {
  return fmt::format("{} {} {} {} {} {} {} {}",
                     work.held.first,
                     work.held.end,
                     work.rest.first,
                     work.rest.end,
                     work.promised.first,
                     work.promised.end,
                     work.promised_to,
                     work.changes);
}

RankWork rank_work_from(const std::string& text) {
  RankWork work;
  std::istringstream in(text);
  if (!(in >> work.held.first >> work.held.end >> work.rest.first >> work.rest.end >>
        work.promised.first >> work.promised.end >> work.promised_to >> work.changes)) {
    throw InternalError("the store of the ranks holds '{}' as a rank's work", text);
  }
  return work;
}

RankWork first_share(std::int64_t blocks, int ranks, int rank) {
  if (rank >= ranks) {
    return {};
  }
  return {.rest = {blocks * rank / ranks, blocks * (rank + 1) / ranks}};
}

}  // namespace headscope
