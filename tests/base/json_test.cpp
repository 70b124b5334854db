#include "lib/base/json.h"

#include "lib/base/error.h"
#include "lib/base/ordered_json.h"
#include "tests/support/catch.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

TEST_CASE("JSON is read from text and from files") {
  const TemporaryDirectory folder;
  CHECK(parse_json(R"({"a": [1, 2.5, "ü", null]})", "x")["a"][2] == "ü");
  CHECK(read_json(folder.write("c.json", R"({"n": 3})"))["n"] == 3);
}

TEST_CASE("malformed JSON is a DataError that says where") {
  for (const char* text : {"", "{", "{} {}", "[1,]", "nul", "\"\xff\"", "{'a': 1}"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_json(text, "p.jsonl:7"), DataError);
    CHECK_THROWS_WITH(parse_json(text, "p.jsonl:7"), contains("p.jsonl:7: malformed JSON"));
  }
  const TemporaryDirectory folder;
  CHECK_THROWS_WITH(read_json(folder.write("c.json", "{")), contains("c.json: malformed JSON"));
  CHECK_THROWS_WITH(read_json(folder.write("e.json", "")), contains("e.json: malformed JSON"));
  CHECK_THROWS_WITH(read_json(folder.path() / "absent.json"), contains("absent.json: cannot open"));
}

TEST_CASE("a line of JSONL is named once and has each key once") {
  CHECK(parse_json_line(R"({"a": {"a": 1}, "b": [{"a": 2}, {"a": 3}]})", "p.jsonl:7")["a"]["a"] ==
        1);
  for (const char* text : {"", "{", "{} {}", "[1,]", "{\"a\": 1e999}"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_json_line(text, "p.jsonl:7"), DataError);
    CHECK_THROWS_WITH(parse_json_line(text, "p.jsonl:7"),
                      contains("p.jsonl:7: malformed JSON: ") && !contains("line 1"));
  }
  CHECK_THROWS_WITH(parse_json_line("[1,]", "p.jsonl:7"), contains("column 4 (value): "));
  for (const char* text : {R"({"a": 1, "a": 1})", R"({"b": {"a": 1, "c": [], "a": 2}})"}) {
    CHECK_THROWS_AS(parse_json_line(text, "p.jsonl:7"), DataError);
    CHECK_THROWS_WITH(parse_json_line(text, "p.jsonl:7"), contains("p.jsonl:7: the key \"a\""));
  }
  CHECK_THROWS_WITH(parse_json_line(std::string(100'000, '['), "x"), contains("nested deeper"));
}

TEST_CASE("a key that one object has twice is refused by every reader of JSON") {
  const TemporaryDirectory folder;
  for (const char* text : {R"({"a": 1, "a": 1})", R"([{"b": {"a": 1, "c": [{}], "a": 2}}])"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_json(text, "x"), DataError);
    CHECK_THROWS_WITH(parse_json(text, "x"), contains("x: the key \"a\" stands twice"));
    CHECK_THROWS_WITH(parse_ordered_json(text, "x"), contains("x: the key \"a\" stands twice"));
    CHECK_THROWS_WITH(read_json(folder.write("c.json", text)),
                      contains("c.json: the key \"a\" stands twice"));
  }
  const char* fine = R"({"b": {"a": 1}, "a": [{"a": 1}, {"a": 2}]})";
  CHECK(parse_json(fine, "x")["a"][1]["a"] == 2);
  CHECK(parse_ordered_json(fine, "x").begin().key() == "b");
}

TEST_CASE("deep nesting is refused before it can overflow a stack") {
  const std::string fine = std::string(500, '[') + std::string(500, ']');
  CHECK(parse_json(fine, "x").is_array());
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  CHECK_THROWS_AS(parse_json(deep, "x"), DataError);
  CHECK_THROWS_WITH(parse_json(deep, "x"), contains("nested deeper than 512"));
}

TEST_CASE("malformed JSON says on one line where it is and what was expected") {
  const std::vector<std::pair<std::string, std::string>> told{
      {"{\n \"a\": 1", "line 2, column 8 (object): expected '}', found end of input"},
      {"[1,]", "line 1, column 4 (value): expected '[', '{', or a literal, found ']'"},
      {"{\"a\" 1}", "line 1, column 6 (object separator): expected ':', found number literal"},
      {"{'a': 1}",
       "line 1, column 2 (object key): expected string literal, found invalid literal; last read: "
       "'{''"},
      {"", "line 1, column 1 (value): expected '[', '{', or a literal, found end of input"},
      {"1e999", "number overflow parsing '1e999'"}};
  for (const auto& [text, fault] : told) {
    CHECK_THROWS_WITH(parse_json(text, "c.json"), std::string("c.json: malformed JSON: " + fault));
    CHECK_THROWS_WITH(parse_ordered_json(text, "x"), std::string("x: malformed JSON: " + fault));
  }
  CHECK_THROWS_WITH(parse_json_line("[1,]", "p.jsonl:7"),
                    std::string("p.jsonl:7: malformed JSON: column 4 (value): expected '[', '{', "
                                "or a literal, found ']'"));
  for (const std::string& text : {std::string("{'a': 1}"),
                                  "[\"" + std::string(100'000, 'x'),
                                  "[\"\n" + std::string(39, 'x') + "ü\"]"}) {
    try {
      static_cast<void>(parse_json(text, "x"));
      FAIL("nothing was thrown");
    } catch (const DataError& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find("json.exception") == std::string::npos);
      CHECK(message.find('\n') == std::string::npos);
      CHECK(message.size() < 200);
    }
  }
}
