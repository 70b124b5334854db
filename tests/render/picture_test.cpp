// Scales of pictures, and PDF.
#include "cli/render/picture.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <zlib.h>

#include "cli/render/figure_parts.h"
#include "lib/base/error.h"
#include "tests/render/decoded_png.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

HeatMap small_map(Mask mask) {
  HeatMap map;
  map.title = "layer 3 · ünïcode";
  map.rows = map.cols = 3;
  map.mask = mask;
  map.values = {1, 0, 0, 0.25F, 0.01F, 0, 0.0001F, 0, 0.5F};
  map.row_labels = map.col_labels = {" a", "b", "漢"};
  return map;
}

std::size_t times(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

// The object that the file's table says begins at each offset does.
void check_table(const std::string& pdf) {
  const auto start = std::stoul(pdf.substr(pdf.rfind("startxref") + 10));
  REQUIRE(pdf.compare(start, 5, "xref\n") == 0);
  const auto count = std::stoul(pdf.substr(start + 7));
  const std::size_t first = pdf.find('\n', start + 5) + 1;
  REQUIRE(count > 5);
  for (std::size_t i = 1; i < count; ++i) {
    const auto at = std::stoul(pdf.substr(first + 20 * i, 10));
    const std::string begin = std::to_string(i) + " 0 obj";
    CHECK(pdf.compare(at, begin.size(), begin) == 0);
  }
}

// All streams of the file, inflated, one after another.
std::string streams_of(const std::string& pdf) {
  std::string all;
  for (auto at = pdf.find("\nstream\n"); at != std::string::npos;
       at = pdf.find("\nstream\n", at + 1)) {
    const auto length = std::stoul(pdf.substr(pdf.rfind("/Length ", at) + 8));
    std::string out(4'000'000, '\0');
    uLongf size = out.size();
    REQUIRE(uncompress(reinterpret_cast<Bytef*>(out.data()),
                       &size,
                       reinterpret_cast<const Bytef*>(pdf.data() + at + 8),
                       length) == Z_OK);
    all += out.substr(0, size);
  }
  return all;
}

}  // namespace

TEST_CASE("a scale spreads small values: square roots, and four decades") {
  const auto place = [](double value, ColorMap map, ValueScale scale) {
    return place_of(value, map == ColorMap::diverging ? -2 : 0, 2, map, scale);
  };
  CHECK(place(0.5, ColorMap::sequential, ValueScale::linear) == Approx(0.25));
  CHECK(place(0.5, ColorMap::sequential, ValueScale::sqrt) == Approx(0.5));
  CHECK(place(0.02, ColorMap::sequential, ValueScale::log) == Approx(0.5));
  CHECK(place(0, ColorMap::sequential, ValueScale::log) == 0);
  CHECK(place(1e-9, ColorMap::sequential, ValueScale::log) == 0);
  CHECK(place(5, ColorMap::sequential, ValueScale::log) == 1);
  CHECK(place(-0.5, ColorMap::diverging, ValueScale::sqrt) == Approx(0.25));
  CHECK(place(0, ColorMap::diverging, ValueScale::log) == 0.5);
  CHECK(place(-2, ColorMap::diverging, ValueScale::log) == 0);
}

TEST_CASE("the ticks of a bent colour bar are round numbers that keep apart, 0 and the largest") {
  const ColorScale scale{{0, 1}, ColorMap::sequential, "attention", ValueScale::log};
  const auto ticks = bar_ticks(scale, 400);
  for (const double wanted : {0.0, 1.0, 0.1, 0.01, 0.001}) {
    CHECK(std::any_of(
        ticks.begin(), ticks.end(), [&](double tick) { return std::abs(tick - wanted) < 1e-12; }));
  }
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double apart = place_of(ticks[i], 0, 1, scale.map, scale.scale) -
                           place_of(ticks[j], 0, 1, scale.map, scale.scale);
      CHECK(std::abs(apart) * 400 >= 20);
    }
  }
}

TEST_CASE("--max makes the colours of pictures comparable, and no value outruns it") {
  const HeatMap map = small_map(Mask::none);
  const auto pixel = [&](const PictureOptions& options) {
    HeatMap same = map;
    same.range = ValueRange{0, options.max.value_or(1)};
    const PlotArea area = plot_area(same);
    const DecodedPng png = decode_png(picture(map, options));
    return png.at(static_cast<int>(2 * (area.x + area.cell / 2)),
                  static_cast<int>(2 * (area.y + area.cell * 1.5)));  // 0.25
  };
  const auto& colors = palette(ColorMap::sequential);
  CHECK(pixel({.format = "png"}) == colors[64]);
  CHECK(pixel({.format = "png", .max = 0.25}) == colors[255]);
  CHECK(pixel({.format = "png", .max = 0.1}) == colors[255]);
  CHECK(pixel({.format = "png", .scale = ValueScale::sqrt}) == colors[128]);
  CHECK_THROWS_AS(picture(map, {.format = "gif"}), InternalError);
}

TEST_CASE("a PDF has its objects where its table says, a rectangle a cell, and text to copy") {
  const std::string pdf = picture(small_map(Mask::causal), {.format = "pdf"});
  REQUIRE(pdf.starts_with("%PDF-1.4\n"));
  check_table(pdf);
  const std::string inside = streams_of(pdf);
  const std::string open = streams_of(picture(small_map(Mask::none), {.format = "pdf"}));
  CHECK(times(open, " re f\n") - times(inside, " re f\n") == 3);  // those above the diagonal
  for (const char* unicode : {"<00FC>", "<00B7>", "<0061>", "<2423>"}) {  // ü · a ␣
    CHECK_THAT(inside, contains(unicode));
  }
  CHECK_THAT(inside,
             contains("<0036>") && contains("<0046>"));  // 漢 is u6F22 where the font lacks it
  CHECK(picture(small_map(Mask::causal), {.format = "pdf"}) == pdf);
}

TEST_CASE("a large map is one image of a PDF, and one cell can be read of 475 tokens") {
  HeatMap map;
  map.rows = map.cols = 475;
  map.values.assign(475 * 475, 0.5F);
  for (int i = 0; i < 475; ++i) {
    map.row_labels.push_back("t");
  }
  map.col_labels = map.row_labels;
  const std::string pdf = to_pdf(map);
  check_table(pdf);
  CHECK_THAT(pdf, contains("/Width 475 /Height 475"));
  CHECK(pdf.size() < 200'000);
  CHECK(plot_area(map).cell == 2.0);
}
