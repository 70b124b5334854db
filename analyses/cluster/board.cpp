#include "analyses/cluster/board.h"

#include <sstream>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr const char* kVictimLetters = "adp";

}  // namespace

std::string to_text(const Board& board) {
  std::string text = fmt::format(
      "{} {} {}", board.changes, board.coordinator, board.finished ? "finished" : "open");
  for (const Board::Entry& entry : board.entries) {
    text += fmt::format(" {}{}", kVictimLetters[static_cast<int>(entry.kind)], entry.rank);
  }
  return text;
}

Board board_from(const std::string& text) {
  Board board;
  if (text.empty()) {
    return board;
  }
  std::istringstream in(text);
  std::string state;
  in >> board.changes >> board.coordinator >> state;
  board.finished = state == "finished";
  char kind = 0;
  for (Board::Entry entry; in >> kind >> entry.rank;) {
    const auto at = std::string_view(kVictimLetters).find(kind);
    if (at == std::string_view::npos) {
      throw InternalError("the board of the ranks holds '{}'", text);
    }
    entry.kind = static_cast<Board::Victim>(at);
    board.entries.push_back(entry);
  }
  return board;
}

}  // namespace headscope
