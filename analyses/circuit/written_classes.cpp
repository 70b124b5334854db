#include "analyses/circuit/written_classes.h"

#include <algorithm>

namespace headscope {
namespace {

constexpr Writes kAllWrites[] = {
    Writes::what_it_reads, Writes::against_what_it_reads, Writes::neither};

bool holds_head(const HeadClass& heads, const HeadId& head) {
  return std::find(heads.heads.begin(), heads.heads.end(), head) != heads.heads.end();
}

}  // namespace

Writes writes_of(const CopyScore& score) {
  if (std::max(score.copies, score.suppresses) < kWritesShare) {
    return Writes::neither;
  }
  return score.copies >= score.suppresses ? Writes::what_it_reads : Writes::against_what_it_reads;
}

std::string written_class(const DiscoveryStage& first, Moves moves, Writes writes) {
  const bool serving = moves == Moves::toward_answer;
  switch (writes) {
    case Writes::what_it_reads:
      return serving ? first.name : "mover of wrong tokens";
    case Writes::against_what_it_reads:
      return serving ? "suppressor of wrong tokens" : first.opposing;
    case Writes::neither:
      break;
  }
  return serving ? "direct, copies nothing" : "direct against the answer, copies nothing";
}

HeadCircuit classed_by_writing(const HeadCircuit& circuit,
                               const DiscoveryStage& first,
                               const std::vector<HeadId>& writers,
                               const std::vector<CopyScore>& scores) {
  HeadCircuit classed;
  for (const HeadClass& heads : circuit.classes) {
    const bool serving = heads.name == first.name;
    if (scores.empty() || (!serving && heads.name != first.opposing)) {
      classed.classes.push_back(heads);
      continue;
    }
    for (const Writes writes : kAllWrites) {
      HeadClass part{
          written_class(first, serving ? Moves::toward_answer : Moves::against_answer, writes),
          heads.at,
          {},
          heads.effects};
      for (const HeadId& head : heads.heads) {
        const auto at = static_cast<std::size_t>(std::find(writers.begin(), writers.end(), head) -
                                                 writers.begin());
        const bool known = at < scores.size();
        // Without a score: as it was found.
        const Writes own = known     ? writes_of(scores[at])
                           : serving ? Writes::what_it_reads
                                     : Writes::against_what_it_reads;
        if (own == writes) {
          part.heads.push_back(head);
        }
      }
      if (!part.heads.empty()) {
        classed.classes.push_back(std::move(part));
      }
    }
  }
  return classed;
}

std::vector<std::string> other_classes(const HeadCircuit& circuit,
                                       const HeadClass& of,
                                       const HeadId& head) {
  std::vector<std::string> names;
  for (const HeadClass& heads : circuit.classes) {
    if (heads.name != of.name && holds_head(heads, head)) {
      names.push_back(heads.name);
    }
  }
  return names;
}

}  // namespace headscope
