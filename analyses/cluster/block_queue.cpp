#include "analyses/cluster/block_queue.h"

#include <algorithm>

#include "lib/base/error.h"

namespace headscope {
namespace {

constexpr double kShortestPause = 0.02;
constexpr double kLongestPause = 1.0;
constexpr double kPauseARank = 2e-4;  // so that a thousand idle ranks do not drown the store
constexpr std::size_t kMostEntries = 64;
constexpr std::size_t kMostTries = 2;  // ranks asked for work at a time
constexpr double kLookARank = 1e-3;    // seconds between two looks at all ranks, for each of them
constexpr std::int64_t kShareOfRest = 4;  // a turn takes no more than a quarter of what is left

}  // namespace

std::string BlockQueue::work_key(int rank) const {
  return fmt::format("work{}/{}", options_.name, rank);
}

std::string BlockQueue::board_key() const {
  return "board" + options_.name;
}

BlockQueue::BlockQueue(KeyStore& store, const BlockQueueOptions& options, SecondsClock clock)
    : store_(store),
      options_(options),
      clock_(clock),
      watch_(store, options.lease, std::move(clock)),
      random_(options.seed + static_cast<std::uint64_t>(options.rank)) {}

// A rank that joins late with a number beyond the first ones is looked over too.
int BlockQueue::crew() {
  const std::string text = store_.get(kCrewKey);
  return std::max(options_.ranks, text.empty() ? 0 : std::stoi(text));
}

BlockQueue::Read BlockQueue::read(int rank) {
  std::string text = store_.get(work_key(rank));
  RankWork work =
      text.empty() ? first_share(options_.blocks, options_.ranks, rank) : rank_work_from(text);
  return {std::move(text), work};
}

bool BlockQueue::swap(int rank, const Read& before, RankWork after) {
  after.changes = before.work.changes + 1;
  const std::string text = to_text(after);
  const bool swapped = store_.compare_set(work_key(rank), before.text, text) == text;
  if (rank == options_.rank) {
    own_ = swapped ? std::optional(Read{text, after}) : std::nullopt;
  }
  return swapped;
}

BlockQueue::Read BlockQueue::read_own() {
  return own_ ? *own_ : read(options_.rank);
}

std::int64_t BlockQueue::done() {
  std::int64_t left = 0;
  for (const Read& each : read_all()) {
    left += each.work.held.size() + each.work.rest.size() + each.work.promised.size();
  }
  return std::max<std::int64_t>(0, options_.blocks - left);
}

// As many as should last a turn, by how long the last ones took.
std::int64_t BlockQueue::turn_size(std::int64_t rest) {
  const auto lasting = static_cast<std::int64_t>(options_.turn / std::max(1e-6, block_seconds_));
  const std::int64_t size = taken_ == 0 ? 1 : std::min(2 * taken_, lasting);
  return std::clamp<std::int64_t>(size, 1, std::max<std::int64_t>(1, rest / kShareOfRest));
}

// Says that what is held is done and takes what comes next of the rank's own.
std::optional<BlockRange> BlockQueue::take_own() {
  for (;;) {
    const Read before = read_own();
    RankWork after = before.work;
    reborn_ = reborn_ || (!begun_ && !before.text.empty());
    if (!begun_ && !after.held.empty()) {  // of this rank's earlier life: not done
      after.rest.first = after.held.first;
      after.rest.end = std::max(after.rest.end, after.held.end);
    }
    after.held = {};
    if (!after.rest.empty()) {
      const std::int64_t size = turn_size(after.rest.size());
      after.held = {after.rest.first, after.rest.first + size};
      after.rest.first += size;
    } else if (before.work.held.empty()) {
      begun_ = true;
      return {};
    }
    if (swap(options_.rank, before, after)) {
      begun_ = true;
      if (!after.held.empty()) {
        taken_ = after.held.size();
        taken_at_ = clock_();
      }
      return after.held.empty() ? std::nullopt : std::optional(after.held);
    }
  }
}

// Two steps, of which each leaves every block in some rank's range: it is promised, then written
// down as this rank's own.
bool BlockQueue::steal(const Board::Entry& from) {
  const Read before = read(from.rank);
  RankWork after = before.work;
  if (!after.promised.empty()) {
    if (after.promised_to != options_.rank && from.kind != Board::Victim::promise) {
      return false;  // someone is at it
    }
  } else if (from.kind == Board::Victim::dead) {
    const BlockRange& held = after.held;
    after.promised = held.empty() ? after.rest : held;
    after.promised.end = std::max(held.end, after.rest.end);
    after.held = after.rest = {};
  } else {
    after.promised = {after.rest.first + after.rest.size() / 2, after.rest.end};
    after.rest.end = after.promised.first;
  }
  after.promised_to = options_.rank;
  if (after.promised.empty() || !swap(from.rank, before, after)) {
    return false;
  }
  adopt(after.promised);
  forget_promise(from.rank);
  return true;
}

void BlockQueue::adopt(const BlockRange& blocks) {
  for (;;) {
    const Read before = read(options_.rank);
    RankWork after = before.work;
    after.rest = blocks;  // it had nothing, or it would not have looked for work
    if (swap(options_.rank, before, after)) {
      return;
    }
  }
}

void BlockQueue::forget_promise(int rank) {
  for (;;) {
    const Read before = read(rank);
    RankWork after = before.work;
    if (after.promised_to != options_.rank) {
      return;  // it was slow, and someone thought it dead
    }
    after.promised = {};
    after.promised_to = -1;
    if (swap(rank, before, after)) {
      return;
    }
  }
}

std::vector<BlockQueue::Read> BlockQueue::read_all() {
  std::vector<Read> all;
  const int ranks = crew();
  for (int rank = 0; rank < ranks; ++rank) {
    all.push_back(read(rank));
  }
  return all;
}

Board BlockQueue::look_over(const std::vector<Read>& all) {
  Board board;
  for (int rank = 0; rank < static_cast<int>(all.size()); ++rank) {
    const RankWork& work = all[static_cast<std::size_t>(rank)].work;
    if (work.empty()) {
      continue;
    }
    if (!work.promised.empty()) {
      if (work.promised_to == options_.rank || watch_.silent(work.promised_to)) {
        board.entries.push_back({rank, Board::Victim::promise});
      }
    } else if (watch_.silent(rank)) {
      board.entries.push_back({rank, Board::Victim::dead});
    } else if (!work.rest.empty()) {
      board.entries.push_back({rank, Board::Victim::alive});
    }
  }
  // The fullest first; the dead before all, since nobody else empties them.
  std::ranges::stable_sort(board.entries, std::greater{}, [&](const Board::Entry& entry) {
    const RankWork& work = all[static_cast<std::size_t>(entry.rank)].work;
    return std::pair(entry.kind != Board::Victim::alive, work.rest.size());
  });
  board.entries.resize(std::min(board.entries.size(), kMostEntries));
  return board;
}

// Nothing anywhere, and nothing changed between two looks: there was a moment without any work.
void BlockQueue::keep_board(const Board& board, const std::string& text) {
  Board mine = board;
  mine.coordinator = options_.rank;
  ++mine.changes;
  if (store_.compare_set(board_key(), text, to_text(mine)) != to_text(mine)) {
    return;
  }
  const std::vector<Read> all = read_all();
  Board seen = look_over(all);
  seen.coordinator = options_.rank;
  seen.changes = mine.changes + 1;
  if (std::ranges::all_of(all, [](const Read& each) { return each.work.empty(); })) {
    const std::vector<Read> again = read_all();
    seen.finished =
        again.size() == all.size() && std::ranges::equal(again, all, {}, &Read::text, &Read::text);
  }
  store_.compare_set(board_key(), to_text(mine), to_text(seen));
}

// The coordinator that found work leaves the board to whoever is idle next.
void BlockQueue::leave_board() {
  const std::string text = store_.get(board_key());
  Board board = board_from(text);
  if (board.coordinator == options_.rank && !board.finished) {
    board.coordinator = -1;
    ++board.changes;
    store_.compare_set(board_key(), text, to_text(board));
  }
}

bool BlockQueue::coordinator_lost(const Board& board) {
  return board.coordinator < 0 || board.coordinator == options_.rank ||
         watch_.silent(board.coordinator);
}

// The board, looked after first if nobody else does. One that is new serves as it is: a look at
// every rank costs the store as many operations.
Board BlockQueue::see_board() {
  std::string text = store_.get(board_key());
  const bool old =
      text.empty() || (text == board_ && clock_() - board_since_ >= kLookARank * options_.ranks);
  Board board = board_from(text);
  if (!board.finished && old && coordinator_lost(board)) {
    keep_board(board, text);
    text = store_.get(board_key());
    board = board_from(text);
  }
  if (text != board_) {
    board_ = text;
    board_since_ = clock_();
  }
  return board;
}

// What this rank's earlier life was promised and never wrote down: nobody else touches it, since
// this rank is alive.
void BlockQueue::claim_promises() {
  const int ranks = crew();
  for (int rank = 0; rank < ranks; ++rank) {
    const RankWork work = read(rank).work;
    if (rank != options_.rank && !work.promised.empty() && work.promised_to == options_.rank) {
      adopt(work.promised);
      forget_promise(rank);
      return;  // the others once this is done
    }
  }
  reborn_ = false;
}

BlockQueue::Turn BlockQueue::next() {
  if (taken_ > 0 && running_) {
    block_seconds_ = (clock_() - taken_at_) / static_cast<double>(taken_);
  }
  Turn turn = find_turn();
  running_ = turn.kind == Turn::Kind::run;
  pause_ = turn.kind == Turn::Kind::wait
               ? std::clamp(1.5 * pause_,
                            std::max(kShortestPause, kPauseARank * options_.ranks),
                            std::max(kLongestPause, 10 * kPauseARank * options_.ranks))
               : 0.0;
  turn.seconds = pause_;
  return turn;
}

BlockQueue::Turn BlockQueue::find_turn() {
  if (const auto own = take_own()) {
    return {Turn::Kind::run, *own};
  }
  if (reborn_) {
    claim_promises();
    if (const auto own = take_own()) {
      return {Turn::Kind::run, *own};
    }
  }
  Board board = see_board();
  if (board.finished) {
    return {Turn::Kind::finished};
  }
  // Ranks that become idle together should not all ask the fullest.
  std::ranges::shuffle(board.entries, random_);
  board.entries.resize(std::min(board.entries.size(), kMostTries));
  for (const Board::Entry& entry : board.entries) {
    // What a dead thief was promised of this rank's own is left to it where nobody else lives.
    const bool others = entry.rank != options_.rank || entry.kind == Board::Victim::promise;
    if (others && steal(entry)) {
      if (const auto own = take_own()) {
        leave_board();
        return {Turn::Kind::run, *own};
      }
    }
  }
  return {Turn::Kind::wait};
}

void BlockQueue::give_back() {
  for (;;) {
    const Read before = read(options_.rank);
    RankWork after = before.work;
    if (after.held.empty()) {
      return;
    }
    after.rest.first = after.held.first;
    after.rest.end = std::max(after.rest.end, after.held.end);
    after.held = {};
    if (swap(options_.rank, before, after)) {
      leave_board();
      return;
    }
  }
}

}  // namespace headscope
