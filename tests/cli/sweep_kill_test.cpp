// A sweep of the program killed, refused a second writer and stopped by a full disk, in real
// processes. Nothing here depends on how fast the machine is: the sweep is frozen (SIGSTOP) once so
// much of it is done, and what happens to it happens then.
#include <algorithm>
#include <bit>
#include <cmath>

#include <sys/resource.h>

#include "tests/cli/frozen_sweep.h"
#include "tests/support/catch.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// What a killed sweep holds is what the whole one does, as far as it came.
void check_finished(const Bits& some, const Bits& whole) {
  for (std::size_t i = 0; i < whole.per_prompt.size(); ++i) {
    if (!std::isnan(std::bit_cast<double>(some.per_prompt[i]))) {
      REQUIRE(some.per_prompt[i] == whole.per_prompt[i]);
    }
  }
}

}  // namespace

TEST_CASE("a sweep killed all through its work keeps what is done and resumes to the same bits") {
  const Folder folder;
  REQUIRE(run(words(folder, folder / "whole.h5")).code == 0);
  const Bits whole = bits_of(folder / "whole.h5");
  const Result read = read_result(folder / "whole.h5");
  REQUIRE(read.complete());
  REQUIRE(whole.result == bits(means(read.per_prompt, kItems)));
  const std::string path = folder / "r.h5";
  const auto pairs = static_cast<std::int64_t>(whole.per_prompt.size());
  int killed = 0;
  for (std::int64_t target = 0; target < pairs;) {
    Frozen sweep(words(folder, path), path, target, folder / "err");
    CAPTURE(target, contents(folder / "err"));
    REQUIRE(std::filesystem::exists(path));
    const bool running = sweep.running();
    const Bits before = bits_of(path);
    sweep.kill();
    killed += running ? 1 : 0;
    CHECK(bits_of(path) == before);
    check_finished(before, whole);
    target = std::max(target, pairs_done(path)) + pairs / 5;
  }
  CHECK(killed >= 3);  // up to 6; each is missed only if a fifth of the sweep ends unseen
  const Outcome resumed = run(words(folder, path));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(bits_of(path) == whole);
}

TEST_CASE("a second sweep into a file that one is writing is refused, and the first goes on") {
  const Folder folder;
  const std::string path = folder / "r.h5";
  const std::vector<std::string> command = words(folder, path);
  Frozen first(command, path, 1, folder / "err");
  REQUIRE(first.running());
  std::vector<std::string> without = command;
  std::erase(without, "--resume");
  std::vector<std::string> over = without;
  over.emplace_back("--overwrite");
  for (const auto& second : {command, without, over}) {
    const Outcome refused = run(second);
    CAPTURE(second.back(), refused.err);
    CHECK(refused.code == 2);
    CHECK(refused.out.empty());
    CHECK(is_one_line(refused.err));
    CHECK_THAT(refused.err, contains(path) && contains("another process is writing it"));
  }
  CHECK(first.go_on() == 0);
  CHECK(read_result(path).complete());
}

TEST_CASE("a disk that fills under a sweep ends it with 4 and one line; --resume does the rest") {
  const Folder folder;
  REQUIRE(run(words(folder, folder / "whole.h5")).code == 0);
  const std::string path = folder / "r.h5";
  Frozen sweep(words(folder, path), path, 1, folder / "err");
  REQUIRE(sweep.running());
  // As a disk would be: what is there stays, values further on cannot be written.
  const auto most = std::filesystem::file_size(path) / 2;
  const rlimit limit{most, most};
  REQUIRE(::prlimit(sweep.id(), RLIMIT_FSIZE, &limit, nullptr) == 0);
  CHECK(sweep.go_on() == 4);
  const std::string error = contents(folder / "err");
  CAPTURE(error);
  CHECK(is_one_line(error));
  CHECK_THAT(error, contains(path) && contains("are kept") && contains("--resume"));
  CHECK_FALSE(read_result(path).complete());
  CHECK(read_result(path).done > 0);
  REQUIRE(run(words(folder, path)).code == 0);
  CHECK(bits_of(path) == bits_of(folder / "whole.h5"));
}

TEST_CASE("a result too large for the disk is said before the sweep starts") {
  const Folder folder;
  const Outcome refused = run(words(folder, folder / "r.h5"), "ulimit -f 20;");
  INFO(refused.err);
  CHECK(refused.code == 4);
  CHECK(is_one_line(refused.err));
  CHECK_THAT(refused.err, contains(folder / "r.h5") && contains("ulimit -f"));
  CHECK_FALSE(std::filesystem::exists(folder / "r.h5"));
}
