// Blocks of work shared by ranks that may be killed, cut off, or join late. Each rank has a range
// of blocks, takes some off its front, and when it has none left takes the back half of another's;
// of a dead one, all. A block is in some rank's range until the rank that ran it says that its
// values are on disk, so that each is run at least once, and twice only where a rank was taken for
// dead too early or after it had stored them. Nothing here waits: the caller does.
#pragma once

#include <optional>
#include <random>
#include <vector>

#include "analyses/cluster/board.h"
#include "analyses/cluster/rank_watch.h"
#include "analyses/cluster/rank_work.h"

namespace headscope {

inline constexpr const char* kCrewKey = "crew";  // the highest number of ranks that anyone joined

struct BlockQueueOptions {
  std::string name = {};  // where one store holds several queues
  std::int64_t blocks = 0;
  int ranks = 1;  // that the blocks are divided among at first: the same for every rank
  int rank = 0;
  double lease = 30.0;     // seconds without a heartbeat after which a rank is taken for dead
  double turn = 1.0;       // seconds that the blocks taken at once should last
  std::uint64_t seed = 0;  // of the choice among ranks to take from
};

class BlockQueue {
 public:
  // `store` and `clock` outlive this.
  BlockQueue(KeyStore& store, const BlockQueueOptions& options, SecondsClock clock);

  struct Turn {
    enum class Kind { run, wait, finished } kind = Kind::wait;
    BlockRange blocks{};   // to run
    double seconds = 0.0;  // to wait before asking again
  };
  // What the last turn brought is done, its values on disk: what is there to do now?
  Turn next();

  // Blocks that are in no rank's range any more: done. One look at every rank.
  [[nodiscard]] std::int64_t done();

  // This rank stops before its end: the blocks it holds are anyone's.
  void give_back();

 private:
  struct Read {
    std::string text;  // as stored; empty: not yet
    RankWork work;
  };
  [[nodiscard]] Read read(int rank);
  bool swap(int rank, const Read& before, RankWork after);
  // This rank's, as it last left it: mostly nobody changed it since.
  [[nodiscard]] Read read_own();
  [[nodiscard]] Turn find_turn();
  std::optional<BlockRange> take_own();
  void claim_promises();
  bool steal(const Board::Entry& from);
  void adopt(const BlockRange& blocks);
  void forget_promise(int rank);
  void keep_board(const Board& board, const std::string& text);
  void leave_board();
  [[nodiscard]] std::vector<Read> read_all();
  [[nodiscard]] Board look_over(const std::vector<Read>& all);
  [[nodiscard]] Board see_board();
  [[nodiscard]] bool coordinator_lost(const Board& board);
  [[nodiscard]] int crew();
  std::int64_t turn_size(std::int64_t rest);

  KeyStore& store_;
  BlockQueueOptions options_;
  SecondsClock clock_;
  RankWatch watch_;
  std::mt19937_64 random_;
  std::optional<Read> own_{};
  bool begun_ = false;
  bool reborn_ = false;  // the store has work of an earlier process of this rank
  bool running_ = false;
  std::int64_t taken_ = 0;  // blocks in the last turn that had any
  double taken_at_ = 0.0;
  double block_seconds_ = 0.0;
  double pause_ = 0.0;
  [[nodiscard]] std::string work_key(int rank) const;
  [[nodiscard]] std::string board_key() const;
  std::string board_{};  // as it was last seen, and since when
  double board_since_ = 0.0;
};

}  // namespace headscope
