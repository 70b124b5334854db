#include "tests/support/refusals.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"

namespace headscope::test {

std::string refusal(const std::filesystem::path& path) {
  try {
    (void)load_model(path.string());
  } catch (const DataError& error) {
    return error.what();
  } catch (const std::exception& error) {
    FAIL("another kind of error: " << error.what());
  }
  FAIL("the model loaded");
  return {};
}

void check_refusals(const std::vector<Refusal>& refusals) {
  for (const Refusal& row : refusals) {
    DYNAMIC_SECTION(row.fixture << " with " << row.patch) {
      const EditedModel model(row.fixture, [&](Json& c) { c.merge_patch(Json::parse(row.patch)); });
      const std::string message = refusal(model.path());
      CHECK(message.find('\n') == std::string::npos);
      for (const char* word : row.mention) {
        CHECK_THAT(message, contains(word));
      }
    }
  }
}

}  // namespace headscope::test
