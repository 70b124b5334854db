// Charts of dots, read back from their SVG.
#include "cli/render/dot_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "tests/render/well_formed.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
  [[nodiscard]] double middle_x() const { return x + width / 2; }
  [[nodiscard]] double middle_y() const { return y + height / 2; }
};

double attribute(const std::string& tag, const std::string& name) {
  const std::size_t at = tag.find(" " + name + "=\"");
  REQUIRE(at != std::string::npos);
  return std::strtod(tag.c_str() + at + name.size() + 3, nullptr);
}

// Filled rectangles of one colour, in the order they are drawn.
std::vector<Rect> rects(const std::string& svg, const std::string& fill) {
  std::vector<Rect> found;
  for (std::size_t at = svg.find("<rect "); at != std::string::npos;
       at = svg.find("<rect ", at + 1)) {
    const std::string tag = svg.substr(at, svg.find("/>", at) - at);
    if (tag.find("fill=\"" + fill + "\"") != std::string::npos) {
      found.push_back({attribute(tag, "x"),
                       attribute(tag, "y"),
                       attribute(tag, "width"),
                       attribute(tag, "height")});
    }
  }
  return found;
}

// Squares are dots, narrow rectangles intervals.
std::vector<Rect> dots(const std::string& svg) {
  std::vector<Rect> found = rects(svg, "#1f60a8");
  std::erase_if(found, [](const Rect& rect) { return rect.width != rect.height; });
  return found;
}

DotChart chart(std::vector<DotChart::Dot> list, DotChart::Scale scale = DotChart::Scale::linear) {
  return {.title = "t", .x_axis = "x", .panels = {{"y", std::move(list), scale}}};
}

}  // namespace

TEST_CASE("dots lie by their numbers, intervals and what they are held against around them") {
  const std::string svg = to_svg(chart({{.x = -1, .y = 0, .other_low = -1, .other_high = 1},
                                        {.x = 0, .y = 2, .low = 1, .high = 4},
                                        {.x = 1, .y = 4},
                                        {.x = 2, .y = kNone}}));
  CHECK(well_formed(svg).empty());
  const std::vector<Rect> found = dots(svg);
  REQUIRE(found.size() == 3);  // none for what is no number
  CHECK(found[1].middle_x() - found[0].middle_x() ==
        Approx(found[2].middle_x() - found[1].middle_x()).margin(0.02));
  const double unit = (found[0].middle_y() - found[2].middle_y()) / 4;  // up is more
  CHECK(unit > 10.0);
  CHECK(found[1].middle_y() == Approx(found[0].middle_y() - 2 * unit).margin(0.02));
  std::vector<Rect> bars = rects(svg, "#1f60a8");
  std::erase_if(bars, [](const Rect& rect) { return rect.width == rect.height; });
  REQUIRE(bars.size() == 1);
  CHECK(bars[0].y == Approx(found[0].middle_y() - 4 * unit).margin(0.02));
  CHECK(bars[0].height == Approx(3 * unit).margin(0.02));
  const std::vector<Rect> others = rects(svg, "#ced0d8");
  REQUIRE(others.size() == 1);
  CHECK(others[0].middle_x() == Approx(found[0].middle_x()).margin(0.02));
  CHECK(others[0].y == Approx(found[0].middle_y() - unit).margin(0.02));
  CHECK(others[0].height == Approx(2 * unit).margin(0.02));
  CHECK(svg.find("#ced0d8") < svg.find("#1f60a8"));  // behind
}

TEST_CASE("on a logarithmic axis factors are distances, and what is not above 0 has no dot") {
  DotChart log =
      chart({{.x = 0, .y = 20}, {.x = 1, .y = 200}, {.x = 2, .y = 2000}, {.x = 3, .y = 0}},
            DotChart::Scale::log);
  log.panels[0].reference = 20.0;
  log.panels[0].reference_name = "as it is";
  const std::string svg = to_svg(log);
  CHECK(well_formed(svg).empty());
  const std::vector<Rect> found = dots(svg);
  REQUIRE(found.size() == 3);
  CHECK(found[0].middle_y() - found[1].middle_y() ==
        Approx(found[1].middle_y() - found[2].middle_y()).margin(0.02));
  CHECK(svg.find(">as it is<") != std::string::npos);
  const std::vector<Rect> lines = rects(svg, "#966e28");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].middle_y() == Approx(found[0].middle_y()).margin(0.02));
  for (const std::string tick : {">50<", ">100<", ">1000<"}) {
    CHECK(svg.find(tick) != std::string::npos);
  }
  // A wide range has whole powers alone; one number has an axis still.
  const std::string wide =
      to_svg(chart({{.x = 0, .y = 1}, {.x = 1, .y = 1e9}}, DotChart::Scale::log));
  CHECK(wide.find(">50<") == std::string::npos);
  CHECK(std::isfinite(dots(to_svg(chart({{.x = 0, .y = 40}}, DotChart::Scale::log)))[0].y));
  CHECK_THROWS_AS(to_svg(chart({})), UsageError);
}
