// Random snippets (data/fixtures/chat/make_snippets.py): never another text than jinja2's, and an
// error where it raises. What the subset lacks may be refused, by a message that says so.
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/ordered_json.h"
#include "lib/chat/template.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

namespace headscope {
namespace {

struct Snippets {
  std::size_t right = 0;
  std::size_t refused = 0;
  std::vector<std::string> wrong{};
};

void judge(const OrderedJson& line, const OrderedJson& variables, Snippets& seen) {
  const auto source = line[0].get<std::string>();
  const bool raises = line.size() == 1;
  try {
    const std::string text = jinja::Template(source, "t").render(variables);
    if (!raises && text == line[1].get<std::string>()) {
      ++seen.right;
    } else {
      seen.wrong.push_back(source);
    }
  } catch (const DataError& error) {
    const bool says_so = std::string(error.what()).find("headscope's Jinja") != std::string::npos;
    if (raises) {
      ++seen.right;
    } else if (says_so) {
      ++seen.refused;
    } else {
      seen.wrong.push_back(source + "\n" + error.what());
    }
  }
}

}  // namespace

TEST_CASE("Random snippets give jinja2's text or an error") {
  const OrderedJson variables = parse_ordered_json(
      R"({"m": [{"role": "system", "content": "S"}, {"role": "user", "content": "héllo \n x "},
                {"role": "assistant", "content": "A", "n": 3, "f": 1.5, "l": [3, 1, 2], "d": {"b": "x", "a": null}}]})",
      "variables");
  const std::string lines = fixtures::read_file(std::filesystem::path(HEADSCOPE_SOURCE_DIR) /
                                                "data/fixtures/chat/snippets.jsonl");
  Snippets seen;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    judge(parse_ordered_json(std::string_view(lines).substr(at, end - at), "snippets"),
          variables,
          seen);
    at = end + 1;
  }
  CHECK(seen.wrong == std::vector<std::string>());
  CHECK(seen.right >= 1400);
  CHECK(seen.refused <= 60);
}

}  // namespace headscope
