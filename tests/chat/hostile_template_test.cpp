// Templates come with the files of strangers: whatever they hold ends in a prompt or a DataError,
// in bounded time and memory.
#include <algorithm>
#include <filesystem>
#include <random>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/ordered_json.h"
#include "lib/chat/template.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

namespace headscope {
namespace {

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) {
    result += text;
  }
  return result;
}

void check_bounded(const std::string& source, const std::string& message, ChatLimits limits = {}) {
  INFO(source.substr(0, 200));
  CHECK_THROWS_WITH(jinja::Template(source, "t", limits).render({{"one", 1}}), contains(message));
}

}  // namespace

TEST_CASE("Nothing nests without end") {
  check_bounded("{{ " + repeated("(", 5000) + "1" + repeated(")", 5000) + " }}", "deep");
  check_bounded("{{ " + repeated("[", 5000) + repeated("]", 5000) + " }}", "deep");
  check_bounded("{{ " + repeated("not ", 5000) + "1 }}", "deep");
  check_bounded("{{ " + repeated("-", 5000) + "1 }}", "deep");
  check_bounded("{{ 1" + repeated(" + 1", 5000) + " }}", "deep");
  check_bounded("{{ one" + repeated(".a", 5000) + " }}", "deep");
  check_bounded("{{ one" + repeated("|string", 5000) + " }}", "deep");
  check_bounded("{{ 1" + repeated(" if 1 else 1", 5000) + " }}", "deep");
  check_bounded(repeated("{% if 1 %}", 5000) + repeated("{% endif %}", 5000), "deep");
  check_bounded("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "evaluations deep");
  check_bounded(
      "{% set n = namespace(x=[]) %}{% for i in range(999) %}{% set n.x = [n.x] %}{% endfor %}",
      "deep");
}

TEST_CASE("Nothing grows without end") {
  const std::string hundred = "{% for i in range(100) %}";
  const std::string end = "{% endfor %}";
  const ChatLimits few{.steps = 200'000};
  check_bounded("{% set n = namespace(x='ab') %}" + hundred + "{% set n.x = n.x ~ n.x %}" + end,
                "too large");
  check_bounded("{% set n = namespace(x=[1]) %}" + hundred + "{% set n.x = n.x + n.x %}" + end,
                "too large");
  check_bounded("{% set n = namespace(x=[1]) %}" + hundred + "{% set n.x = [n.x, n.x] %}" + end,
                "too large");
  check_bounded("{{ 'abc' * 999999999999 }}", "bytes");
  check_bounded("{{ [1, 2] * 999999999999 }}", "steps", few);
  check_bounded("{% set a = 'a' * 1000000 %}{{ a | replace('a', a) }}", "bytes");
  check_bounded("{% set a = 'a' * 1000000 %}{{ a.join(['b'] * 100) }}", "bytes");
  check_bounded("{% set a = 'a\\n' * 1000000 %}{{ a | indent(999) }}", "bytes");
  check_bounded("{{ range(10 ** 12) }}", "more than 100000 numbers");
  check_bounded(repeated(hundred, 6) + "x" + repeated(end, 6), "steps", few);
  check_bounded("{% for i in range(10) %}{% set a = 'x' * 900000 %}" + end, "steps", few);
  check_bounded(hundred + hundred + "0123456789" + end + end, "bytes", {.text_bytes = 1000});
  check_bounded(std::string(2000, 'x'), "2000 bytes", {.source_bytes = 1000});
}

TEST_CASE("What a template keeps cannot hold itself") {
  check_bounded("{% set n = namespace() %}{% set n.n = [n] %}", "no namespace inside");
  check_bounded("{% set n = namespace() %}{% set n.n = n %}", "no namespace inside");
  check_bounded("{% set n = namespace() %}{% macro f() %}{% endmacro %}{% set n.f = f %}",
                "no function");
}

TEST_CASE("A template may run in several threads, and again") {
  const jinja::Template counted("{% for i in range(n) %}{{ loop.index }}{% endfor %}", "t");
  CHECK(counted.render({{"n", 3}}) == "123");
  CHECK(counted.render({{"n", 2}}) == "12");
}

TEST_CASE("Damaged templates end in a text or a DataError") {
  std::mt19937 random(7);
  const auto any = [&](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  const OrderedJson variables = parse_ordered_json(
      R"({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "tools": null,
          "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true})",
      "variables");
  const std::string bytes = "{}%#-+|.,()[]'\"\\ \n=~ifx0\xC3\xA9";
  const ChatLimits limits{.text_bytes = 1 << 16, .steps = 20'000};
  std::size_t texts = 0;
  std::size_t errors = 0;
  const auto folder = std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "data/fixtures/chat/templates";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string source = fixtures::read_file(entry.path());
    for (int round = 0; round < 12; ++round) {
      std::string damaged =
          source.substr(0, round % 3 == 0 ? any(source.size()) + 1 : source.size());
      for (std::size_t i = 0; i < 1 + any(4); ++i) {
        damaged[any(damaged.size())] = bytes[any(bytes.size())];
      }
      try {
        static_cast<void>(jinja::Template(damaged, "t", limits).render(variables));
        ++texts;
      } catch (const DataError&) {
        ++errors;
      }
    }
  }
  CHECK(texts > 50);
  CHECK(errors > 50);
}

TEST_CASE("Slices take what Python's do") {
  const std::string letters = "abcdef";
  for (int start = -8; start <= 8; ++start) {
    for (int stop = -8; stop <= 8; ++stop) {
      for (const int step : {-3, -2, -1, 1, 2, 3}) {
        std::string expected;
        const int size = 6;
        const auto clip = [&](int bound) {
          bound += bound < 0 ? size : 0;
          return step > 0 ? std::min(std::max(bound, 0), size)
                          : std::min(std::max(bound, -1), size - 1);
        };
        for (int i = clip(start); step > 0 ? i < clip(stop) : i > clip(stop); i += step) {
          expected += letters[static_cast<std::size_t>(i)];
        }
        const OrderedJson bounds = {{"a", start}, {"b", stop}, {"c", step}};
        const static jinja::Template both(
            "{{ 'abcdef'[a:b:c] }}|{{ ['a','b','c','d','e','f'][a:b:c] | join }}", "t");
        REQUIRE(both.render(bounds) == expected + "|" + expected);
      }
    }
  }
}

}  // namespace headscope
