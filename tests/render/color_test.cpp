#include "cli/render/color.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/catch.h"

using namespace headscope;

namespace {

double linear(std::uint8_t byte) {
  const double x = byte / 255.0;
  return x <= 0.04045 ? x / 12.92 : std::pow((x + 0.055) / 1.055, 2.4);
}

// CIE L*, a measure of lightness other than the one the maps were made with.
double lightness(Rgb color) {
  const double y = 0.2126 * linear(color.r) + 0.7152 * linear(color.g) + 0.0722 * linear(color.b);
  return 116 * std::cbrt(y) - 16;
}

int step(Rgb a, Rgb b) {
  return std::max({std::abs(a.r - b.r), std::abs(a.g - b.g), std::abs(a.b - b.b)});
}

}  // namespace

TEST_CASE("lightness only rises along the sequential map and only falls along the light one") {
  const auto& dark = palette(ColorMap::sequential);
  const auto& light = palette(ColorMap::light);
  for (std::size_t i = 1; i < 256; ++i) {
    CAPTURE(i);
    CHECK(lightness(dark[i]) >= lightness(dark[i - 1]) - 0.25);
    CHECK(lightness(light[i]) <= lightness(light[i - 1]) + 0.25);
    CHECK(step(dark[i], dark[i - 1]) <= 4);
    CHECK(step(light[i], light[i - 1]) <= 4);
  }
  CHECK(lightness(dark[255]) - lightness(dark[0]) > 75);
}

TEST_CASE("the diverging map is blue, white in the middle, red") {
  const auto& map = palette(ColorMap::diverging);
  CHECK(map[0].b > map[0].r + 60);
  CHECK(map[255].r > map[255].b + 60);
  for (const std::size_t middle : {127, 128}) {
    CHECK(std::min({map[middle].r, map[middle].g, map[middle].b}) > 235);
    CHECK(step({map[middle].r, map[middle].r, map[middle].r}, map[middle]) <= 2);
  }
  for (std::size_t i = 0; i < 128; ++i) {
    CAPTURE(i);
    CHECK(map[i].b >= map[i].r - 2);
    CHECK(map[255 - i].r >= map[255 - i].b - 2);
    CHECK(std::abs(lightness(map[i]) - lightness(map[255 - i])) < 9);
  }
}

TEST_CASE("values take the colour of their place in the range") {
  const auto& map = palette(ColorMap::sequential);
  CHECK(color_of(0, 0, 1, ColorMap::sequential) == map[0]);
  CHECK(color_of(1, 0, 1, ColorMap::sequential) == map[255]);
  CHECK(color_of(-9, 0, 1, ColorMap::sequential) == map[0]);
  CHECK(color_of(9, 0, 1, ColorMap::sequential) == map[255]);
  CHECK(color_of(0.2f, 0, 1, ColorMap::sequential) == map[51]);
  CHECK(color_of(std::nanf(""), 0, 1, ColorMap::sequential) == kNanColor);
  for (const auto choice : {ColorMap::sequential, ColorMap::light, ColorMap::diverging}) {
    for (const Rgb odd : {kNanColor, kPlusInfinityColor, kMinusInfinityColor}) {
      CHECK(std::count(palette(choice).begin(), palette(choice).end(), odd) == 0);
    }
  }
}
