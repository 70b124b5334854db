// Lines of JSONL files and their fields.
#include "lib/text/line_fields.h"

#include <filesystem>
#include <fstream>

#include "lib/base/error.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

constexpr JsonlKind kNotes{
    .named = "the notes", .said = "notes are", .object = "a note is a JSON object"};

LineFields note(const std::string& text) {
  return LineFields(text, "n.jsonl:1", {"a", "id", "spans", "tokens"}, kNotes);
}

}  // namespace

TEST_CASE("lines come with their numbers, blank ones counted and left out") {
  const auto path = std::filesystem::temp_directory_path() / "headscope_line_fields_test.jsonl";
  std::ofstream(path) << "{}\n\n \t\n{\"a\": 1}";
  std::vector<std::pair<std::string, std::string>> seen;
  for_each_line(path, kNotes, [&](const std::string& line, const std::string& where) {
    seen.emplace_back(line, where.substr(where.rfind(':')));
  });
  std::filesystem::remove(path);
  CHECK((seen ==
         std::vector<std::pair<std::string, std::string>>{{"{}", ":1"}, {"{\"a\": 1}", ":4"}}));
}

TEST_CASE("a file of lines that cannot be one is refused as what it should be") {
  const auto nothing = [](const std::string&, const std::string&) {};
  CHECK_THROWS_WITH(for_each_line("/tmp", kNotes, nothing),
                    contains("/tmp: is a directory; notes are one JSONL file"));
  CHECK_THROWS_WITH(for_each_line("/nowhere/n.jsonl", kNotes, nothing),
                    contains("/nowhere/n.jsonl: cannot open the notes"));
}

TEST_CASE("an id stands once") {
  LineIds ids;
  ids.add("0", "n.jsonl:1", "note");
  ids.add("1", "n.jsonl:2", "note");
  CHECK_THROWS_WITH(ids.add("0", "n.jsonl:7", "note"),
                    contains("n.jsonl:7: the id \"0\" is that of n.jsonl:1; give each note"));
}

TEST_CASE("a field is what it should be, or named") {
  CHECK(note(R"({"id": 7})").name("id") == "7");
  CHECK(note(R"({"id": "x"})").name("id") == "x");
  CHECK(note("{}").name("id").empty());
  CHECK(note(R"({"spans": {"s": [1, 3]}})").spans("spans", 3).at("s") == Span{1, 3});
  CHECK(note(R"({"tokens": [0, 4]})").tokens("tokens", 5) == std::vector<TokenId>{0, 4});
  CHECK_THROWS_WITH(note("[]"), contains("n.jsonl:1: a note is a JSON object"));
  CHECK_THROWS_WITH(note(R"({"spnas": {}})"), contains("did you mean spans"));
  CHECK_THROWS_WITH(note(R"({"id": 1.5})").name("id"), contains("whole number"));
  CHECK_THROWS_WITH(note(R"({"spans": {"s": [1, 4]}})").spans("spans", 3),
                    contains("[1, 4) does not lie in prompts of 3 tokens"));
  CHECK_THROWS_WITH(note(R"({"tokens": [5]})").tokens("tokens", 5), contains("not a token below"));
}

TEST_CASE("a span may be a text: the tokens that hold a byte of it") {
  const std::vector<std::string> pieces{"The", " Ei", "ffel", " Tower", " is", " The"};
  const auto span = [&](const std::string& text) {
    return note(R"({"spans": {"s": ")" + text + "\"}}").spans("spans", 6, pieces).at("s");
  };
  CHECK(span("Eiffel Tower") == Span{1, 4});
  CHECK(span("ffe") == Span{2, 3});
  CHECK(span("is The") == Span{4, 6});
  CHECK(span("The Eiffel Tower is The") == Span{0, 6});
  CHECK_THROWS_WITH(span("Rome"), contains("the prompt does not say \"Rome\""));
  CHECK_THROWS_WITH(span("The"), contains("more than once"));
  CHECK_THROWS_WITH(span(""), contains("does not say"));
  CHECK_THROWS_WITH(note(R"({"spans": {"s": "The"}})").spans("spans", 6),
                    contains("is not [begin, end)"));
}
