// A recording killed at random moments: real processes, real SIGKILL.
#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/killed_child.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

namespace {

constexpr std::size_t kTraceKillPrompts = 30;

// How a child records: `batch` prompts at once, then perhaps compressed.
struct TraceKillWay {
  int compress = 0;
  std::size_t batch = 1;
  [[nodiscard]] int steps() const { return 2 + static_cast<int>(kTraceKillPrompts / batch); }
};

// What the child tells before it dies; its steps are the file, then each batch.
struct TraceKillShared : Steps {
  std::atomic<std::size_t> seen_done;  // prompts it has been told are on disk
};

// In the child: records or resumes until killed.
void record_in_child(const std::filesystem::path& path,
                     const TraceHeader& made,
                     const TraceKillWay& way,
                     TraceKillShared& shared) {
  TraceWriter::Options options{IfExists::resume};
  options.compress = way.compress;
  TraceWriter writer(path, made, options);
  shared.step_done();
  for (std::size_t first = 0; first < made.prompts.size(); first += way.batch) {
    std::vector<std::size_t> batch;
    for (std::size_t i = first; i < first + way.batch; ++i) {
      if (!writer.done(i)) {
        batch.push_back(i);
      }
    }
    if (!batch.empty()) {
      write_prompts(writer, made, batch);
    }
    shared.seen_done = writer.done_count();
    shared.step_done();
  }
  writer.finish();
}

// Kills the child at a random one of its steps; true if it was still running.
bool record_and_kill(const std::filesystem::path& path,
                     const TraceHeader& made,
                     const TraceKillWay& way,
                     std::mt19937& random,
                     TraceKillShared& shared) {
  const bool at_end = random() % 8 == 0;  // where a trace is closed, or made small
  const auto steps = static_cast<unsigned>(way.steps());
  const int step = static_cast<int>(at_end ? steps - 1 : random() % steps);
  shared.seen_done = 0;
  return run_and_kill(shared, step, random, [&] { record_in_child(path, made, way, shared); });
}

struct TraceKillTally {
  int killed = 0;
  int partial = 0;  // left some prompts done and some not
};

void check_after_kill(const std::filesystem::path& path,
                      const TraceHeader& made,
                      std::size_t seen_done,
                      TraceKillTally& tally) {
  if (!std::filesystem::exists(path)) {
    REQUIRE(seen_done == 0);
    return;
  }
  const TraceReader reader(path);
  REQUIRE(reader.prompt_count() == made.prompts.size());
  std::size_t done = 0;
  for (std::size_t i = 0; i < made.prompts.size(); ++i) {
    done += reader.done(i) ? 1 : 0;
  }
  REQUIRE(done >= seen_done);  // nothing that was finished is lost
  REQUIRE(reader.complete() == (done == made.prompts.size()));
  REQUIRE(first_wrong(reader, made).empty());
  tally.partial += done > 0 && !reader.complete() ? 1 : 0;
}

TraceKillTally kill_many(int kills, const TraceKillWay& way) {
  const TraceHeader made = header(kTraceKillPrompts, DType::f32, 64);
  const TempFolder folder;
  TraceWriter::Options options{IfExists::resume};
  options.compress = way.compress;
  record(folder.file("whole.h5"), made, options);
  const std::vector<std::uint8_t> whole = file_bytes(folder.file("whole.h5"));
  std::mt19937 random(20);
  const auto shared = shared_memory<TraceKillShared>();
  TraceKillTally tally;
  for (int round = 0; round < 2 * kills && tally.killed < kills; ++round) {
    CAPTURE(round);
    const std::filesystem::path path = folder.file("t.h5");
    std::filesystem::remove(path);
    for (int again = 0; again < 3; ++again) {  // also a resumed one is killed
      tally.killed += record_and_kill(path, made, way, random, *shared) ? 1 : 0;
      check_after_kill(path, made, shared->seen_done, tally);
    }
    record(path, made, options);
    REQUIRE((file_bytes(path) == whole));
  }
  return tally;
}

}  // namespace

TEST_CASE("a recording killed at 100 random moments loses no finished prompt and resumes") {
  const TraceKillTally tally = kill_many(105, {});
  CHECK(tally.killed >= 100);
  CHECK(tally.partial > 20);
}

TEST_CASE("a recording of batches killed at random moments loses no finished prompt and resumes") {
  const TraceKillTally tally = kill_many(40, {.batch = 5});
  CHECK(tally.killed >= 40);
  CHECK(tally.partial > 5);
}

TEST_CASE("a recording killed while it is compressed leaves a whole trace") {
  const TraceKillTally tally = kill_many(30, {.compress = 9});
  CHECK(tally.killed >= 30);
}
