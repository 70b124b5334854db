#include "cli/render/text_codes.h"

#include <string>

#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("bytes come back from base64, and nothing else is taken for it") {
  std::string bytes;
  for (int i = 0; i < 259; ++i) {
    bytes += static_cast<char>(i * 7);
    CHECK(from_base64(base64(bytes)) == bytes);
  }
  CHECK(from_base64("") == "");
  CHECK(base64("Man") == "TWFu");
  CHECK(from_base64("TWE=") == "Ma");
  for (const std::string wrong : {"TWF", "TW=u", "T===", "====", "TWF\n", "TW-_", "TWF=", "TR=="}) {
    CAPTURE(wrong);
    CHECK_FALSE(from_base64(wrong));
  }
}
