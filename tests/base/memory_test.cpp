#include "lib/base/memory.h"

#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("sizes in words: powers of 1000, one decimal") {
  CHECK(format_bytes(0) == "0 B");
  CHECK(format_bytes(999) == "999 B");
  CHECK(format_bytes(1'500) == "1.5 kB");
  CHECK(format_bytes(1'500'000'000) == "1.5 GB");
  CHECK(format_bytes(2'000'000'000'000'000'000) == "2000.0 PB");
}

TEST_CASE("there is memory, and this process has taken some") {
  CHECK(available_memory() > 0);
  CHECK(peak_memory() > 1'000'000);
}
