#include "cli/render/table.h"

#include <chrono>
#include <cmath>

#include "cli/render/progress.h"
#include "cli/render/visible.h"
#include "lib/base/error.h"
#include "tests/render/files.h"
#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("tables align columns by what is seen, not by bytes") {
  Table table({{"token"}, {"p"}, {"layer"}});
  table.row({" Mary", 0.92345, 3});
  table.row({"中文\n", 1e-7, nullptr});
  CHECK(table.text() ==
        "token         p  layer\n"
        "─────  ────────  ─────\n"
        " Mary     0.923      3\n"
        "中文↵  1.00e-07      –\n");
  CHECK(table.json().dump() ==
        R"([{"token":" Mary","p":0.92345,"layer":3},{"token":"中文\n","p":1e-07,"layer":null}])");
  CHECK_THROWS_AS(table.row({1}), InternalError);
}

TEST_CASE("tables with broken UTF-8 still give JSON") {
  Table table({{"token"}});
  table.row({"\xe2\x82"});
  CHECK(table.json().dump() == R"([{"token":"<0xE2><0x82>"}])");
  CHECK_THAT(table.text(), contains("<0xE2><0x82>"));
}

TEST_CASE("numbers keep their meaning at any size") {
  CHECK(format_number(0.0) == "0.000");
  CHECK(format_number(-12.3456, 1) == "-12.3");
  CHECK(format_number(0.0004) == "4.00e-04");
  CHECK(format_number(123456789) == "1.23e+08");
  CHECK(format_number(NAN) == "nan");
  CHECK(format_number(-INFINITY) == "-inf");
  CHECK(format_seconds(0.85) == "850 ms");
  CHECK(format_seconds(245) == "4 min 05 s");
  CHECK(format_seconds(7400) == "2 h 03 min");
}

TEST_CASE("text is made visible") {
  CHECK(visible(" Mary") == "␣Mary");
  CHECK(visible(" a b", Spaces::kept) == " a b");
  CHECK(visible("\r\n\t") == "␍↵⇥");
  CHECK(visible(std::string_view("\0", 1)) == "␀");
  CHECK(visible("\xf0\x9f") == "<0xF0><0x9F>");
  CHECK(visible("\u202e\u00a0") == "<U+202E><U+00A0>");
  CHECK(visible("\u0301") == "◌\u0301");
  CHECK(visible("") == "∅");
  CHECK(display_width("中a") == 3);
  CHECK(shorten("abcdef", 4) == "abc…");
  CHECK(shorten("中文字", 4) == "中…");
  CHECK(shorten("abcd", 4) == "abcd");
}

TEST_CASE("keys of rows are identifiers, whatever the header shows") {
  Table table(
      {{"±se", 3, "standard_error"}, {"95 % low"}, {"score of A"}, {"tokens/s"}, {"Jaccard"}});
  table.row({1, 2, 3, 4, cell_of(std::nan(""))});
  CHECK(table.json().dump() ==
        R"([{"standard_error":1,"low":2,"score_of_a":3,"tokens_s":4,"jaccard":null}])");
  CHECK(table.cell_text(0, 4) == "–");
  CHECK(key_of({"95 %"}) == "value");
}

TEST_CASE("off a terminal progress is a line now and then") {
  const TestFolder folder("progress-lines");
  std::FILE* file = std::fopen((folder / "out").c_str(), "w");
  {
    Progress bar(2,
                 {.label = "x",
                  .unit = "maps",
                  .stream = file,
                  .when = Progress::When::terminal,
                  .line_every = std::chrono::milliseconds(0)});
    bar.note("so far");
    bar.add();
    bar.add();
  }
  std::fclose(file);
  const std::string out = read_text(folder / "out");
  CHECK_THAT(out, contains("headscope: x ") && contains("1/2 maps") && contains("2/2 maps"));
  CHECK_THAT(out, contains("so far\n"));
  CHECK(out.find('\r') == std::string::npos);
  CHECK(out.find('\033') == std::string::npos);
}

TEST_CASE("progress is drawn on request, and short work is silent off a terminal") {
  CHECK(progress_line({.label = "recording"}, 40, 100, 4.0) ==
        "recording ━━━━━━━━━─────────────── 40/100 prompts  10.0/s  6.0 s left");
  const TestFolder folder("progress");
  for (const auto when : {Progress::When::terminal, Progress::When::always}) {
    std::FILE* file = std::fopen((folder / "out").c_str(), "w");
    {
      Progress bar(2, {.label = "x", .unit = "maps", .stream = file, .when = when});
      bar.add();
      bar.add();
    }
    std::fclose(file);
    const std::string out = read_text(folder / "out");
    if (when == Progress::When::always) {
      CHECK_THAT(out, contains("2/2 maps"));
    } else {
      CHECK(out.empty());
    }
  }
}
