#include "cli/render/report.h"

#include "cli/render/markdown.h"
#include "lib/base/error.h"
#include "lib/base/output_file.h"
#include "tests/render/files.h"
#include "tests/render/well_formed.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

HeatMap small_map() {
  HeatMap map;
  map.rows = map.cols = 2;
  map.values = {1, 0, 0.5f, 0.5f};
  return map;
}

}  // namespace

TEST_CASE("Markdown becomes HTML, and nothing but Markdown does") {
  CHECK(markdown_to_html("# A *b*\n\ntext\nmore **x** `a<b`\n") ==
        "<h1>A <em>b</em></h1>\n<p>text more <strong>x</strong> <code>a&lt;b</code></p>\n");
  CHECK(markdown_to_html("- a\n- b\n1. c") ==
        "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol>\n<li>c</li>\n</ol>\n");
  CHECK(markdown_to_html("```\na < b\n```") == "<pre><code>a &lt; b\n</code></pre>\n");
  CHECK(markdown_to_html("|a|b|\n|--|--|\n|1|2|") ==
        "<table>\n<tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>\n");
  CHECK(markdown_to_html("[t](a.html) [x](javascript:alert(1))") ==
        "<p><a href=\"a.html\">t</a> [x](javascript:alert(1))</p>\n");
  CHECK(markdown_to_html("<img src=x> 2 * 3 * 4") == "<p>&lt;img src=x&gt; 2 * 3 * 4</p>\n");
  CHECK(markdown_to_html("") == "");
}

TEST_CASE("a notebook's report shows each cell's code, then its output") {
  // %% [markdown]
  // ## First *cell*
  // %%
  // Not __FILE__: ccache may have compiled this test under a path relative to the build.
  Report report({.title = "T & T", .source = HEADSCOPE_SOURCE_DIR "/tests/render/report_test.cpp"});
  report.text("output of one");
  // %%
  Table table({{"token"}, {"p"}});
  table.row({"<b>", 0.5});
  report.table(table, "caption <i>");
  report.figure(to_svg(small_map()));
  report.figure(to_png(small_map()));
  // %%
  const std::string html = report.html();
  const auto at = [&](const std::string& text) {
    CAPTURE(text);
    const auto found = html.find(text);
    CHECK(found != std::string::npos);
    return found;
  };
  CHECK(at("<h2>First <em>cell</em></h2>") < at("report.text(&quot;output of one"));
  CHECK(at("report.text(&quot;output of one") < at("<p>output of one</p>"));
  CHECK(at("<p>output of one</p>") < at("report.table(table"));
  CHECK(at("report.table(table") < at("<td>&lt;b&gt;</td><td class=\"number\">0.500</td>"));
  CHECK(at("data:image/svg+xml;base64,") < at("data:image/png;base64,"));
  CHECK_THAT(html, contains("<title>T &amp; T</title>") && !contains("<b>"));
}

TEST_CASE("figures stand beside each other, and one alone under the text") {
  Report report({.title = "x"});
  report.figures({{to_svg(small_map()), "alone"}});
  CHECK_THAT(report.html(), !contains("class=\"beside\""));
  report.figures({{to_svg(small_map()), "left"}, {to_png(small_map()), "right, to its end"}});
  const std::string html = report.html();
  const auto row = html.find("<div class=\"beside\">");
  REQUIRE(row != std::string::npos);
  CHECK(row > html.find("<figcaption>alone"));
  CHECK(row < html.find("<figcaption>left"));
  CHECK_THAT(html, contains("<figcaption>right, to its end</figcaption>"));
}

TEST_CASE("what a report cannot show is refused") {
  CHECK_THROWS_AS(Report({.title = "x", .source = "/none.cpp"}), DataError);
  Report report({.title = "x"});
  CHECK_THROWS_AS(report.figure("GIF89a"), UsageError);
  CHECK_THROWS_AS(report.viewer("/none.html"), DataError);
}
