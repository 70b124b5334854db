#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "cli/render/progress.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

// Has a bar drawn anything on a terminal of this kind?
bool draws_on(const char* kind) {
  const int screen = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(screen >= 0);
  REQUIRE(::grantpt(screen) == 0);
  REQUIRE(::unlockpt(screen) == 0);
  std::FILE* stream = std::fopen(::ptsname(screen), "w");
  REQUIRE(stream != nullptr);
  const char* before = std::getenv("TERM");
  const std::string kept = before == nullptr ? "" : before;
  ::setenv("TERM", kind, 1);
  {
    Progress bar(2, {.stream = stream});
    bar.add(2);
  }
  before == nullptr ? ::unsetenv("TERM") : ::setenv("TERM", kept.c_str(), 1);
  pollfd ready{screen, POLLIN, 0};
  const bool drawn = ::poll(&ready, 1, 100) == 1 && (ready.revents & POLLIN) != 0;
  std::fclose(stream);
  ::close(screen);
  return drawn;
}

}  // namespace

TEST_CASE("a bar is drawn on a terminal that can redraw a line, not on a dumb one") {
  CHECK(draws_on("xterm"));
  CHECK_FALSE(draws_on("dumb"));
}
