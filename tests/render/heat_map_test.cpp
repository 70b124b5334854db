#include "cli/render/heat_map.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#include <stb_image.h>

#include "cli/render/figure_parts.h"
#include "cli/render/small_multiples.h"
#include "lib/base/error.h"
#include "tests/render/decoded_png.h"
#include "tests/render/well_formed.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace headscope {

DecodedPng decode_png(const std::string& bytes) {
  DecodedPng png;
  int channels = 0;
  auto* data = stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()),
                                     static_cast<int>(bytes.size()),
                                     &png.width,
                                     &png.height,
                                     &channels,
                                     3);
  if (data == nullptr) {
    throw InternalError("not a PNG: {}", stbi_failure_reason());
  }
  png.pixels.resize(static_cast<std::size_t>(png.width) * static_cast<std::size_t>(png.height));
  std::memcpy(png.pixels.data(), data, png.pixels.size() * sizeof(Rgb));
  stbi_image_free(data);
  return png;
}

}  // namespace headscope

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Rgb kWhite{255, 255, 255};

HeatMap pattern(std::int64_t size) {
  HeatMap map;
  map.title = "model · layer 3, head 2";
  map.subtitle = "prompt 0: a b c";
  map.rows = map.cols = size;
  map.mask = Mask::causal;
  for (std::int64_t row = 0; row < size; ++row) {
    map.row_labels.push_back(" t" + std::to_string(row));
    for (std::int64_t col = 0; col < size; ++col) {
      map.values.push_back(col <= row ? static_cast<float>(col + 1) / static_cast<float>(size) : 7);
    }
  }
  map.col_labels = map.row_labels;
  return map;
}

// The pixel at the centre of a cell.
Rgb cell_pixel(const HeatMap& map, const DecodedPng& png, std::int64_t row, std::int64_t col) {
  const PlotArea area = plot_area(map);
  const auto at = [&](double start, std::int64_t index) {
    return static_cast<int>(2 * (start + (static_cast<double>(index) + 0.5) * area.cell));
  };
  return png.at(at(area.x, col), at(area.y, row));
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("a PNG shows each cell in the colour of its value, and masked cells white") {
  for (const std::int64_t size : {1, 5, 13, 70, 512}) {
    const HeatMap map = pattern(size);
    const DecodedPng png = decode_png(to_png(map));
    CAPTURE(size, png.width, png.height);
    for (const std::int64_t row : {std::int64_t{0}, size / 3, size - 1}) {
      for (const std::int64_t col : {std::int64_t{0}, size / 3, size / 2, size - 1}) {
        const float value = static_cast<float>(col + 1) / static_cast<float>(size);
        CHECK(cell_pixel(map, png, row, col) ==
              (col <= row ? color_of(value, 0, 1, ColorMap::sequential) : kWhite));
      }
    }
  }
}

TEST_CASE("a PNG's resolution follows the scale and its text leaves ink") {
  const DecodedPng once = decode_png(to_png(pattern(5), 1));
  const DecodedPng thrice = decode_png(to_png(pattern(5), 3));
  CHECK(thrice.width == 3 * once.width);
  CHECK(thrice.height == 3 * once.height);
  HeatMap bare = pattern(5);
  bare.title = bare.subtitle = "";
  const auto dark = [](const DecodedPng& png, int until_y) {
    int pixels = 0;
    for (int y = 0; y < until_y; ++y) {
      for (int x = 0; x < png.width / 2; ++x) {
        pixels += png.at(x, y).r < 100 ? 1 : 0;
      }
    }
    return pixels;
  };
  const auto top = [](const HeatMap& map) { return static_cast<int>(plot_area(map).y * 2) - 6; };
  CHECK(dark(decode_png(to_png(pattern(5))), top(pattern(5))) > 400);
  CHECK(dark(decode_png(to_png(bare)), top(bare)) == 0);
}

TEST_CASE("an SVG is well formed and has a rectangle a shown cell, or one picture when large") {
  for (const std::int64_t size : {1, 13, 100}) {
    const std::string svg = to_svg(pattern(size));
    CHECK_THAT(well_formed(svg), Catch::Matchers::Equals(""));
    const auto cells = svg.substr(svg.find("class=\"cells\""));
    CHECK(count(cells.substr(0, cells.find("</g>")), "<rect ") ==
          static_cast<std::size_t>(size * (size + 1) / 2));
  }
  const std::string large = to_svg(pattern(512));
  CHECK_THAT(well_formed(large), Catch::Matchers::Equals(""));
  CHECK(count(large, "<image ") == 1);
  CHECK(count(large, "<rect ") < 400);
  CHECK(large.size() < 400'000);
}

TEST_CASE("a small map tells the whole name of its values and a scale of two ticks at least") {
  HeatMap map = pattern(2);
  map.color_map = ColorMap::diverging;
  map.values = {0.478F, 0.0F, -0.1F, 0.2F};
  map.value_name = "effect / (clean - corrupted)";
  CHECK_THAT(to_svg(map), contains(">effect / (clean - corrupted)<"));
  for (const double high : {0.3, 0.478, 1.0, 7.0, 93.0}) {
    INFO(high);
    CHECK(nice_ticks({-high, high}, 2).size() >= 2);
  }
}

TEST_CASE("labels are escaped, odd bytes made visible, and thinned when there is no room") {
  HeatMap map = pattern(3);
  map.row_labels = {"</script><img onerror=x>", "\n", "\xff & \"q\""};
  const std::string svg = to_svg(map);
  CHECK_THAT(well_formed(svg), Catch::Matchers::Equals(""));
  CHECK_THAT(svg, !contains("<img"));
  CHECK_THAT(svg, contains("↵"));
  CHECK_THAT(svg, contains("&lt;0xFF&gt;␣&amp;␣&quot;q&quot;"));
  const std::string large = to_svg(pattern(512));
  CHECK_THAT(large, contains(">500  ␣t500<"));
  CHECK_THAT(large, !contains("␣t501<"));
}

TEST_CASE("NaN and infinities have colours and a legend of their own") {
  HeatMap map = pattern(4);
  map.mask = Mask::none;
  map.values = {0, 1, 2, 3, 4, std::nanf(""), kInf, -kInf, 8, 9, 10, 11, 12, 13, 14, 15};
  const DecodedPng png = decode_png(to_png(map));
  CHECK(cell_pixel(map, png, 1, 1) == kNanColor);
  CHECK(cell_pixel(map, png, 1, 2) == kPlusInfinityColor);
  CHECK(cell_pixel(map, png, 1, 3) == kMinusInfinityColor);
  CHECK(cell_pixel(map, png, 3, 3) == palette(ColorMap::sequential)[255]);
  CHECK_THAT(to_svg(map), contains("NaN") && contains("+∞") && contains("−∞"));
  CHECK_THAT(to_svg(pattern(4)), !contains("NaN"));
}

TEST_CASE("cells that do not exist are white and need no legend; other oddities do") {
  HeatMap map = pattern(2);
  map.values = {1, std::nanf(""), kInf, 2};
  map.mask = Mask::absent;
  const DecodedPng png = decode_png(to_png(map));
  CHECK(cell_pixel(map, png, 0, 1) == kWhite);
  CHECK(cell_pixel(map, png, 1, 0) == kPlusInfinityColor);
  CHECK_FALSE(cell_pixel(map, png, 0, 0) == kWhite);
  CHECK_THAT(to_svg(map), !contains("NaN") && contains("+∞"));
  CHECK(value_range(map).high == 2);
}

TEST_CASE("the automatic range ignores masked and non-finite values") {
  CHECK(value_range(pattern(4)).high == 1.0);
  HeatMap map = pattern(2);
  map.mask = Mask::none;
  map.values = {-3, kInf, std::nanf(""), 1};
  CHECK(value_range(map).low == -3.0);
  CHECK(value_range(map).high == 1.0);
  map.color_map = ColorMap::diverging;
  CHECK(value_range(map).high == 3.0);
  map.values = {-3, -2, -5, -4};
  map.color_map = ColorMap::sequential;
  CHECK(value_range(map).high == -2.0);
}

TEST_CASE("maps whose sizes disagree are refused") {
  HeatMap map = pattern(3);
  map.values.pop_back();
  CHECK_THROWS_AS(to_svg(map), InternalError);
  map = pattern(3);
  map.col_labels.pop_back();
  CHECK_THROWS_AS(to_png(map), InternalError);
  CHECK_THROWS_AS(to_svg(HeatMap{}), UsageError);
}

TEST_CASE("small multiples show every panel and keep single bright cells of large ones") {
  SmallMultiples page;
  page.title = "layer 3";
  page.mask = Mask::causal;
  for (int head = 0; head < 9; ++head) {
    page.panels.push_back({"head " + std::to_string(head), 13, 13, pattern(13).values});
  }
  const std::string svg = to_svg(page);
  CHECK_THAT(well_formed(svg), Catch::Matchers::Equals(""));
  CHECK(count(svg, "class=\"cells\"") == 9 + 1);  // and the colour bar
  CHECK_THAT(svg, contains(">head 8<"));
  CHECK(decode_png(to_png(page)).width > 500);

  HeatMap large = pattern(512);
  std::fill(large.values.begin(), large.values.end(), 0.0f);
  large.values[400 * 512 + 17] = 0.75f;
  large.values[17 * 512 + 400] = 0.9f;  // masked
  const HeatMap small = max_pooled(large, 64);
  CHECK(small.rows == 64);
  CHECK(small.values[50 * 64 + 2] == 0.75f);
  CHECK(*std::max_element(small.values.begin(), small.values.end()) == 0.75f);
}
