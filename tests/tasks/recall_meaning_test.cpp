// The same for tasks of recall and choice.
#include <map>
#include <set>

#include "lib/base/json.h"
#include "tests/tasks/cases.h"

using namespace headscope;
using namespace headscope::test;

namespace {

const std::map<std::string, std::string>& capitals() {
  static const auto table = [] {
    std::map<std::string, std::string> out;
    const Json words = read_json(HEADSCOPE_SOURCE_DIR "/data/tasks/capitals.json");
    for (const Json& row : words["capitals"]) {
      out[row[0]] = row[1];
    }
    return out;
  }();
  return table;
}

int result(const SpanWords& words) {
  const int a = std::stoi(words["A"]);
  const int b = std::stoi(words["B"]);
  const std::string op = words["OP"];
  return op == "+" || op == "plus" ? a + b : op == "-" || op == "minus" ? a - b : a * b;
}

// The colour of the object asked for.
std::string asked_color(const SpanWords& words) {
  for (const std::string i : {"1", "2", "3"}) {
    if (words["O" + i] == words["ASKED"]) {
      return words["C" + i];
    }
  }
  return "none";
}

}  // namespace

TEST_CASE("colored_objects: the colour of what is asked for, in both prompts") {
  for (const std::string corruption : {"object", "colors"}) {
    for_each("colored_objects", corruption, [&](const Case& c) {
      CHECK(asked_color(c.clean) == c.answer());
      CHECK(asked_color(c.corrupted) == c.wrong());
      CHECK((c.clean["ASKED"] == c.corrupted["ASKED"]) == (corruption == "colors"));
    });
  }
}

TEST_CASE(
    "gendered_pronouns and capitals: the answer belongs to the name, the wrong one to the other") {
  for_each("gendered_pronouns", "", [](const Case& c) {
    CHECK(std::set<std::string>{c.answer(), c.wrong()} == std::set<std::string>{"he", "she"});
    CHECK(c.clean["NAME"] != c.corrupted["NAME"]);
  });
  for_each("capitals", "", [](const Case& c) {
    CHECK(capitals().at(c.clean["COUNTRY"]) == c.answer());
    CHECK(capitals().at(c.corrupted["COUNTRY"]) == c.wrong());
    CHECK(c.clean["RELATION"] == "capital");
  });
}

TEST_CASE("arithmetic: the results of both prompts") {
  for (const std::string corruption : {"operands", "operation"}) {
    for_each("arithmetic", corruption, [&](const Case& c) {
      CHECK(std::to_string(result(c.clean)) == c.answer());
      CHECK(std::to_string(result(c.corrupted)) == c.wrong());
      CHECK((c.clean["OP"] == c.corrupted["OP"]) == (corruption == "operands"));
    });
  }
}

TEST_CASE("multiple_choice: all letters but one are wrong; acronyms: the third initial") {
  for (const std::string corruption : {"question", "choices"}) {
    for_each("multiple_choice", corruption, [&](const Case& c) {
      CHECK(c.item.wrong.size() == 3);
      CHECK(c.clean["L" + c.answer()] == c.answer());
      CHECK((c.clean["KIND"] == c.corrupted["KIND"]) == (corruption == "choices"));
      CHECK((c.clean[c.answer()] == c.corrupted[c.answer()]) == (corruption == "question"));
    });
  }
  for (const std::string corruption : {"last", "all"}) {
    for_each("acronyms", corruption, [&](const Case& c) {
      CHECK(c.clean["W3"].substr(0, 1) == c.answer());
      CHECK(c.corrupted["W3"].substr(0, 1) == c.wrong());
      CHECK(c.clean["LETTERS"] == c.clean["W1"].substr(0, 1) + c.clean["W2"].substr(0, 1));
      CHECK((c.clean["W1"] == c.corrupted["W1"]) == (corruption == "last"));
    });
  }
}

TEST_CASE("successor: three in a row and the next; shuffled, the three are wrong") {
  const Json words = read_json(HEADSCOPE_SOURCE_DIR "/data/tasks/successor.json");
  std::map<std::string, std::string> next;
  for (const std::string key : {"cyclic", "open"}) {
    for (const Json& members : words[key]) {
      for (std::size_t i = 0; i < members.size(); ++i) {
        next[members[i]] = members[(i + 1) % members.size()];
      }
    }
  }
  for_each("successor", "shifted", [&](const Case& c) {
    CHECK(next.at(c.clean["X1"]) == c.clean["X2"]);
    CHECK(next.at(c.clean["X2"]) == c.clean["X3"]);
    CHECK(next.at(c.clean["X3"]) == c.answer());
    CHECK(next.at(c.corrupted["X3"]) == c.wrong());
  });
  for_each("successor", "shuffled", [&](const Case& c) {
    CHECK(next.at(c.clean["X3"]) == c.answer());
    CHECK(next.at(c.corrupted["X1"]) != c.corrupted["X2"]);
    CHECK(next.at(c.corrupted["X2"]) != c.corrupted["X3"]);
    CHECK(c.item.wrong.size() == 3);
  });
}

TEST_CASE("key_retrieval: the value of the key asked for") {
  for (const std::string corruption : {"query", "value"}) {
    for_each("key_retrieval", corruption, [&](const Case& c) {
      CHECK(c.clean["KEY"] == c.clean["QUERY"]);
      CHECK(c.clean["VALUE"] == c.answer());
      CHECK((c.corrupted["QUERY"] == c.clean["QUERY"]) == (corruption == "value"));
      CHECK((c.corrupted["VALUE"] == c.wrong()) == (corruption == "value"));
    });
  }
}
