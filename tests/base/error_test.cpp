#include "lib/base/error.h"

#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("a message is one line, whatever a file brings into it") {
  CHECK(one_line("unknown key \"a b é →\"") == "unknown key \"a b é →\"");
  CHECK(std::string(DataError("a\nb\tc").what()) == "a\\nb\\tc");
  CHECK(std::string(UsageError("{}", "\x1b[2J").what()) == "\\x1b[2J");
  CHECK(one_line(std::string("nul\0", 4)) == "nul\\x00");
  CHECK(one_line("\xc2\x9b"
                 "2J\x7f")
            .find("\xc2") == std::string::npos);
  CHECK(one_line("\xc2\xa0x") == "\xc2\xa0x");  // a space that does not break is no control
}

TEST_CASE("a message of a megabyte keeps its beginning and its end") {
  std::string key;
  for (int i = 0; i < 100000; ++i) {
    key += "é";
  }
  const std::string line = one_line("file: " + key + " is unknown; leave it out");
  CHECK(line.size() < kLongestMessage + 10);
  CHECK(line.starts_with("file: éé"));
  CHECK(line.ends_with("éé is unknown; leave it out"));
  CHECK_THAT(line, contains("é … é"));
}
