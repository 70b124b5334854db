// Kills whoever writes a stored file, at random moments, and looks at what is left.
#pragma once

#include <atomic>
#include <random>

#include "tests/stored/stored_kinds.h"
#include "tests/support/catch.h"
#include "tests/support/killed_child.h"

namespace headscope::stored {

inline constexpr std::size_t kMostUnits = 128;

// What the child tells before it dies.
struct ToldByChild : Steps {
  std::atomic<int> wrote[kMostUnits];  // how often the unit was written
};

struct KillTally {
  int killed = 0;
  int partial = 0;  // left some units done and some not
};

inline void write_in_child(const StoredKind& kind,
                           const std::filesystem::path& path,
                           ToldByChild& shared) {
  kind.write(path,
             {.step = [&] { shared.step_done(); },
              .wrote = [&](std::size_t unit) { ++shared.wrote[unit]; }});
}

inline void check_after_kill(const StoredKind& kind,
                             const std::filesystem::path& path,
                             const ToldByChild& shared,
                             KillTally& tally) {
  std::size_t told = 0;
  for (const std::atomic<int>& times : shared.wrote) {
    REQUIRE(times <= 1);  // none was written again after it was done
    told += static_cast<std::size_t>(times);
  }
  if (!std::filesystem::exists(path)) {
    REQUIRE(told == 0);
    return;
  }
  const Seen seen = kind.read(path);
  REQUIRE(seen.done >= told);  // nothing that was told to be done is lost
  REQUIRE(seen.complete == (seen.done == kind.units));
  REQUIRE(seen.wrong.empty());
  tally.partial += seen.done > 0 && !seen.complete ? 1 : 0;
}

// Kills the child at a random one of its steps, often the last: there a file is closed, or made
// small. Then also the one that goes on. True of those that were still running.
inline KillTally kill_many(const StoredKind& kind, int kills) {
  const TempFolder folder;
  kind.write(folder.file("whole.h5"), {});
  const Bytes whole = file_bytes(folder.file("whole.h5"));
  std::mt19937 random(20);
  KillTally tally;
  for (int round = 0; round < 3 * kills && tally.killed < kills; ++round) {
    CAPTURE(round);
    const std::filesystem::path path = folder.file("t.h5");
    std::filesystem::remove(path);
    const auto shared = shared_memory<ToldByChild>();
    for (int again = 0; again < 3; ++again) {
      const int step = random() % 8 == 0
                           ? kind.steps
                           : static_cast<int>(random() % static_cast<unsigned>(kind.steps));
      tally.killed +=
          run_and_kill(*shared, step, random, [&] { write_in_child(kind, path, *shared); }) ? 1 : 0;
      check_after_kill(kind, path, *shared, tally);
    }
    write_in_child(kind, path, *shared);
    check_after_kill(kind, path, *shared, tally);
    REQUIRE((file_bytes(path) == whole));
  }
  return tally;
}

}  // namespace headscope::stored
