// A recording killed at random moments: real processes, real SIGKILL.
#include <atomic>
#include <random>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "tests/support/catch.h"
#include "tests/trace/trace_cases.h"

using namespace headscope;
using namespace headscope::trace_cases;

namespace {

constexpr std::size_t kPrompts = 60;

// How many prompts the child has been told are on disk: memory shared with it.
struct Shared {
  std::atomic<std::size_t> seen_done;
};

Shared* shared_memory() {
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  return new (memory) Shared{};
}

// In the child: records or resumes until killed.
[[noreturn]] void record_in_child(const std::filesystem::path& path,
                                  const TraceHeader& made,
                                  int compress,
                                  Shared& shared) {
  try {
    TraceWriter::Options options{IfExists::resume};
    options.compress = compress;
    TraceWriter writer(path, made, options);
    for (std::size_t i = 0; i < made.prompts.size(); ++i) {
      if (!writer.done(i)) {
        write_prompt(writer, made, i);
      }
      shared.seen_done = writer.done_count();
    }
    writer.finish();
    ::_exit(0);
  } catch (const std::exception&) {
    ::_exit(1);
  }
}

// Kills the child after `delay` microseconds; true if it was still running.
bool record_and_kill(const std::filesystem::path& path,
                     const TraceHeader& made,
                     int compress,
                     unsigned delay,
                     Shared& shared) {
  const pid_t child = ::fork();
  if (child == 0) {
    record_in_child(path, made, compress, shared);
  }
  ::usleep(delay);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
  return WIFSIGNALED(status);
}

// Microseconds that a whole recording takes here.
unsigned duration(const TraceHeader& made, int compress) {
  const TempFolder folder;
  TraceWriter::Options options;
  options.compress = compress;
  const auto begin = std::chrono::steady_clock::now();
  record(folder.file("t.h5"), made, options);
  const auto took = std::chrono::steady_clock::now() - begin;
  return static_cast<unsigned>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
}

struct Tally {
  int killed = 0;
  int partial = 0;  // left some prompts done and some not
  int complete = 0;
};

void check_after_kill(const std::filesystem::path& path,
                      const TraceHeader& made,
                      std::size_t seen_done,
                      Tally& tally) {
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
  tally.complete += reader.complete() ? 1 : 0;
}

Tally kill_many(int kills, int compress) {
  const TraceHeader made = header(kPrompts, DType::f32, 64);
  const TempFolder folder;
  TraceWriter::Options options{IfExists::resume};
  options.compress = compress;
  record(folder.file("whole.h5"), made, options);
  const std::vector<std::uint8_t> whole = file_bytes(folder.file("whole.h5"));
  const unsigned longest = duration(made, compress) * 3 / 2;
  std::mt19937 random(20);
  Shared* shared = shared_memory();
  Tally tally;
  for (int i = 0; i < kills; ++i) {
    CAPTURE(i);
    const std::filesystem::path path = folder.file("t.h5");
    std::filesystem::remove(path);
    for (int again = 0; again < 2; ++again) {  // also a resumed one is killed
      shared->seen_done = 0;
      const bool killed = record_and_kill(path, made, compress, random() % longest, *shared);
      tally.killed += killed ? 1 : 0;
      check_after_kill(path, made, shared->seen_done, tally);
    }
    record(path, made, options);
    REQUIRE((file_bytes(path) == whole));
  }
  ::munmap(shared, sizeof(Shared));
  return tally;
}

}  // namespace

TEST_CASE("a recording killed at 100 random moments loses no finished prompt and resumes") {
  const Tally tally = kill_many(100, 0);
  CHECK(tally.killed > 30);  // else the moments were not inside the recording
  CHECK(tally.partial > 10);
}

TEST_CASE("a recording killed while it is compressed leaves a whole trace") {
  const Tally tally = kill_many(30, 9);
  CHECK(tally.killed > 10);
}
