// What the coordinating rank, which looks over all others, tells idle ones: where work is left. So
// an idle rank reads one text instead of every rank's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace headscope {

struct Board {
  // alive: half of its rest may be taken; dead: all it has; promise: what it promised to a rank
  // that died.
  enum class Victim { alive, dead, promise };
  struct Entry {
    int rank = 0;
    Victim kind = Victim::alive;
  };

  std::int64_t changes = 0;
  int coordinator = -1;  // the rank that looks for work; −1: none, an idle rank may become it
  bool finished = false;
  std::vector<Entry> entries{};
};

std::string to_text(const Board& board);
Board board_from(const std::string& text);  // of an empty text: one without a coordinator

}  // namespace headscope
