#include "cli/render/html_viewer.h"

#include <cmath>
#include <limits>

#include "cli/render/map_scores.h"
#include "cli/render/packed_map.h"
#include "cli/render/report.h"
#include "lib/base/error.h"
#include "tests/render/files.h"
#include "tests/render/page_dom.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

std::vector<float> map_of(std::size_t prompt, int layer, int head, int size) {
  std::vector<float> values;
  for (int i = 0; i < size * size; ++i) {
    values.push_back(
        static_cast<float>((i * 37 + layer * 11 + head * 5 + static_cast<int>(prompt)) % 101) /
        101);
  }
  return values;
}

void write_page(const std::filesystem::path& path) {
  ViewerData data;
  data.model = "tiny </title><script>document.documentElement.dataset.error='title'</script>";
  data.prompts = {{"a", {"When", " Mary", "\n"}},
                  {"</script><script>document.documentElement.dataset.error='id'</script>",
                   {"</script><img src=x onerror=document.documentElement.dataset.error='img'>",
                    "\xff",
                    "\"'&<!--",
                    " x"}}};
  HtmlViewerWriter writer(path, data);
  for (std::size_t prompt = 0; prompt < 2; ++prompt) {
    for (int layer = 1; layer < 4; ++layer) {
      for (int head = 0; head < 2; ++head) {
        writer.add_map(prompt, layer, head, map_of(prompt, layer, head, prompt == 0 ? 3 : 4));
      }
    }
  }
  CHECK_THROWS_AS(writer.add_map(0, 1, 0, map_of(0, 1, 0, 3)), InternalError);
  CHECK_THROWS_AS(writer.add_map(2, 1, 0, {}), InternalError);
  CHECK_THROWS_AS(writer.add_map(0, 9, 0, {}), InternalError);
  writer.finish();
}

}  // namespace

TEST_CASE("the viewer page loads without errors and shows the value of a chosen cell") {
  const TestFolder folder("viewer");
  write_page(folder / "page.html");
  const std::string dom = page_dom(folder.path(), "page.html", "#cell=1,3,1,3,2");
  CHECK(std::abs(page_number(dom, "value") - map_of(1, 3, 1, 4)[3 * 4 + 2]) <= 0.5 / 65535 + 1e-7);
  CHECK_THAT(dom, contains("data-ready=\"1\"") && contains("data-complete=\"1\""));
  CHECK_THAT(dom, contains("data-thumbnails=\"6\""));
  CHECK_THAT(dom, !contains("data-error"));
  CHECK_THAT(dom, !contains("<img"));
  CHECK_THAT(dom, contains("Layer 3, head 1"));
}

TEST_CASE("token ids of a model without a tokenizer do not run into each other") {
  const TestFolder folder("ids");
  ViewerData data;
  data.prompts = {{.id = "0", .tokens = {"12", "3"}, .gap = " "}};
  HtmlViewerWriter writer(folder / "page.html", data);
  writer.add_map(0, 0, 0, map_of(0, 0, 0, 2));
  writer.finish();
  const std::string dom = page_dom(folder.path(), "page.html", "");
  CHECK_THAT(dom, contains("12 3") && !contains("data-error"));
}

TEST_CASE("a viewer shows two maps and their difference, and means, as its address says") {
  const TestFolder folder("compared");
  write_page(folder / "page.html");
  const std::string two =
      page_dom(folder.path(), "page.html", "#cell=1,3,1,3,2&with=1,2,0&scale=log&tokens=1:4");
  const float apart = map_of(1, 3, 1, 4)[3 * 4 + 2] - map_of(1, 2, 0, 4)[3 * 4 + 2];
  CHECK(std::abs(page_number(two, "difference") - apart) <= 2e-5);
  CHECK_THAT(two, contains("A − B") && contains("B: layer 2, head 0") && !contains("data-error"));
  const std::string sizes =
      page_dom(folder.path(), "page.html", "#cell=1,3,1,3,2&with=0,2,0&order=previous");
  CHECK_THAT(sizes, contains("No difference map: A has 4 tokens, B 3.") && contains("<figcaption"));
  const std::string mean = page_dom(folder.path(), "page.html", "#cell=0,1,-1,2,1&find=L2");
  const float both = (map_of(0, 1, 0, 3)[2 * 3 + 1] + map_of(0, 1, 1, 3)[2 * 3 + 1]) / 2;
  CHECK(std::abs(page_number(mean, "value") - both) <= 2e-5);
  CHECK_THAT(mean, contains("Layer 1, mean over heads") && !contains("data-error"));
}

TEST_CASE("in a large page a value is as exact as the page says, and the page stays small") {
  const TestFolder folder("large");
  ViewerData data;
  constexpr int kSize = 40;
  data.prompts = {{"long", std::vector<std::string>(kSize, "x")}};
  data.values = std::int64_t{1024} * 512 * 513 / 2;
  std::vector<float> uniform(kSize * kSize);
  for (int i = 0; i < kSize * kSize; ++i) {
    uniform[static_cast<std::size_t>(i)] = 1.0f / static_cast<float>(1 + i % 50);
  }
  HtmlViewerWriter writer(folder / "page.html", data);
  writer.add_map(0, 0, 0, uniform);
  writer.finish();
  const std::string dom = page_dom(folder.path(), "page.html", "#cell=0,0,0,30,20");
  const double value = uniform[30 * kSize + 20];
  const double coarsest = std::sqrt(value) / 7 + 0.25 / 49;
  CHECK(std::abs(page_number(dom, "value") - value) <= coarsest);
  CHECK_THAT(dom, contains(" ± ") && contains("values are rounded"));
  const std::int64_t room = 200;
  const PackedMap map = pack_map(uniform, kSize, Mask::causal, room);
  CHECK(map.encoding == PackedMap::Encoding::root);
  CHECK((map.levels == 7 || static_cast<std::int64_t>(map.bytes.size()) <= room));
  CHECK(pack_map(uniform, kSize, Mask::causal, 100000).encoding == PackedMap::Encoding::unit);
}

TEST_CASE("a map's scores are what its cells say") {
  const std::vector<float> pattern{1, 0, 0, 0.25f, 0.75f, 0, 0.5f, 0.375f, 0.125f};
  const MapScores scores = map_scores(pattern, {"a", "b", "a"});
  CHECK(scores[0] == (0.25 + 0.5) / 2);        // first
  CHECK(scores[1] == (0.25 + 0.375) / 2);      // previous
  CHECK(scores[2] == (1 + 0.75 + 0.125) / 3);  // self
  CHECK(scores[3] == 0.5);                     // duplicate: the third token's copy is the first
  CHECK(scores[4] == 0.375);                   // induction: what followed that copy
  CHECK(scores[6] == (0.25 + 2 * 0.5 + 0.375) / 3);
  CHECK(std::isnan(map_scores(pattern, {"a", "b", "c"})[3]));
}

TEST_CASE("a viewer inside a report runs, and says when a cell is masked") {
  const TestFolder folder("report-viewer");
  write_page(folder / "page.html");
  Report report({.title = "A report"});
  report.viewer(folder / "page.html");
  report.write(folder / "report.html");
  const std::string dom = page_dom(folder.path(), "report.html", "");
  CHECK_THAT(dom, contains("srcdoc"));                        // and no console error above
  CHECK_THAT(dom, contains("aria-label=\"light or dark\""));  // the script that pages share ran
  const std::string masked = page_dom(folder.path(), "page.html", "#cell=0,1,0,0,2");
  CHECK_THAT(masked, contains("data-value=\"masked\""));
}

TEST_CASE("no token can act, and the page can reach nothing") {
  const TestFolder folder("inert");
  write_page(folder / "page.html");
  const std::string page = read_text(folder / "page.html");
  CHECK_THAT(page, contains("default-src 'none'"));
  CHECK_THAT(page, contains("script-src 'sha256-"));
  CHECK_THAT(page, !contains("<img") && !contains("http://") && !contains("https://"));
  CHECK_THAT(page, !contains("</title><script>"));
}

TEST_CASE("maps keep their values within the stated precision") {
  const std::vector<float> scores{
      -7.5f, 2.0f, std::nanf(""), -std::numeric_limits<float>::infinity()};
  const PackedMap range = pack_map(scores, 2, Mask::none);
  CHECK(range.encoding == PackedMap::Encoding::range);
  CHECK(range.low == -7.5);
  CHECK(range.high == 2.0);
  const std::vector<float> pattern{1, 9, 0.25f, 0.75f};  // 9 is masked
  CHECK(pack_map(pattern, 2, Mask::causal).encoding == PackedMap::Encoding::unit);
  CHECK(pack_map(pattern, 2, Mask::none).encoding == PackedMap::Encoding::range);
}

TEST_CASE("a viewer without maps or prompts is refused and leaves no file") {
  const TestFolder folder("empty");
  CHECK_THROWS_AS(HtmlViewerWriter(folder / "a.html", ViewerData{}), UsageError);
  {
    ViewerData data;
    data.prompts = {{"a", {"x"}}};
    HtmlViewerWriter writer(folder / "b.html", data);
    CHECK_THROWS_AS(writer.finish(), UsageError);
  }
  CHECK(std::filesystem::is_empty(folder.path()));
}
