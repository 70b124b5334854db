#include "cli/render/html_viewer.h"

#include <cmath>
#include <cstdlib>
#include <limits>

#include <sys/wait.h>

#include "cli/render/packed_map.h"
#include "cli/render/report.h"
#include "lib/base/error.h"
#include "tests/render/files.h"
#include "tests/support/catch.h"
#include "tests/support/skip.h"

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

// The page's DOM after its scripts ran; without Chromium the running test case is skipped.
std::string dom_of(const TestFolder& folder, const std::string& file, const std::string& hash) {
  if (std::system("command -v chromium >/dev/null 2>&1") != 0) {
    test::skip("no chromium to run the page in");
  }
  const std::string in = folder.path().string();
  const std::string command =
      "cd " + in +
      " && timeout 100 chromium --headless=new --no-sandbox --disable-gpu --user-data-dir=" + in +
      "/profile --enable-logging=stderr --virtual-time-budget=10000 --dump-dom 'file://" + in +
      "/" + file + hash + "' >dom 2>log";
  CHECK(std::system(command.c_str()) == 0);
  CHECK_THAT(read_text(folder / "log"), !contains("CONSOLE"));
  return read_text(folder / "dom");
}

double read_value(const std::string& dom) {
  const std::string mark = "data-value=\"";
  const auto at = dom.find(mark);
  return at == std::string::npos ? -1 : std::strtod(dom.c_str() + at + mark.size(), nullptr);
}

}  // namespace

TEST_CASE("the viewer page loads without errors and shows the value of a chosen cell") {
  const TestFolder folder("viewer");
  write_page(folder / "page.html");
  const std::string dom = dom_of(folder, "page.html", "#cell=1,3,1,3,2");
  CHECK(std::abs(read_value(dom) - map_of(1, 3, 1, 4)[3 * 4 + 2]) <= 0.5 / 65535 + 1e-7);
  CHECK_THAT(dom, contains("data-ready=\"1\"") && contains("data-complete=\"1\""));
  CHECK_THAT(dom, contains("data-thumbnails=\"6\""));
  CHECK_THAT(dom, !contains("data-error"));
  CHECK_THAT(dom, !contains("<img"));
  CHECK_THAT(dom, contains("Layer 3, head 1"));
}

TEST_CASE("a viewer inside a report runs, and says when a cell is masked") {
  const TestFolder folder("report-viewer");
  write_page(folder / "page.html");
  Report report({.title = "A report"});
  report.viewer(folder / "page.html");
  report.write(folder / "report.html");
  const std::string dom = dom_of(folder, "report.html", "");
  CHECK_THAT(dom, contains("srcdoc"));  // and no console error above
  const std::string masked = dom_of(folder, "page.html", "#cell=0,1,0,0,2");
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
