// Colored objects: three things, each of a colour; a solved example stands before the question.
#include <fmt/format.h>

#include "analyses/task/makers/all.h"
#include "analyses/task/makers/embedded_words.h"
#include "analyses/task/makers/published_colors.h"

namespace headscope {
namespace {

Words scene(const std::string& place,
            const std::vector<std::string>& objects,
            const std::vector<std::string>& colors,
            std::size_t asked,
            const std::string& prefix) {
  Words words{{prefix + "PLACE", place}, {prefix + "ASKED", objects[asked]}};
  for (std::size_t i = 0; i < 3; ++i) {
    words[fmt::format("{}C{}", prefix, i + 1)] = colors[i];
    words[fmt::format("{}O{}", prefix, i + 1)] = objects[i];
  }
  return words;
}

std::vector<std::string> half(const std::vector<std::string>& six, std::size_t which) {
  const auto begin = six.begin() + static_cast<std::ptrdiff_t>(3 * which);
  return {begin, begin + 3};
}

struct ColoredObjectsLists {
  std::vector<std::string> templates, places, objects, colors;
  std::string where, how;
};

Draft draw_colored_objects(const ColoredObjectsLists& lists, Random& random, std::size_t turn) {
  const std::size_t number = turn % lists.templates.size();
  const std::string& pattern = lists.templates[number];
  const auto objects = random.sample(lists.objects, 6);
  const auto colors = random.sample(lists.colors, 6);
  const std::size_t shown = random.below(3);
  Words demo = scene(random.pick(lists.places), half(objects, 0), half(colors, 0), shown, "demo ");
  const std::string solved =
      fill(with_prefix(pattern, "demo "), demo, lists.where).text + " " + colors[shown] + ".\n";

  const std::size_t asked = random.below(3);
  const std::size_t other = (asked + 1 + random.below(2)) % 3;
  const std::string& place = random.pick(lists.places);
  auto swapped = half(colors, 1);
  std::swap(swapped[asked], swapped[other]);
  const Words words = scene(place, half(objects, 1), half(colors, 1), asked, "");
  const Words corrupted = lists.how == "object"
                              ? scene(place, half(objects, 1), half(colors, 1), other, "")
                              : scene(place, half(objects, 1), swapped, asked, "");
  return {.clean = fill(solved + pattern, words, lists.where),
          .corrupted = fill(solved + pattern, corrupted, lists.where),
          .answers = {" " + colors[3 + asked]},
          .wrong = {" " + colors[3 + other]},
          .template_name = std::to_string(number)};
}

DrawDraft open_colored_objects(const MakerContext& context) {
  if (context.words.has_rows("pairs")) {
    return draw_published_colors(context);
  }
  const ColoredObjectsLists lists{
      .templates = context.templates({"O1", "O2", "O3", "C1", "C2", "C3", "ASKED"}),
      .places = context.words.list("places"),
      .objects = context.single("objects", 6),
      .colors = context.single("colors", 6),
      .where = context.words.where("templates"),
      .how = context.corruption};
  return [lists](Random& random, std::size_t turn) {
    return draw_colored_objects(lists, random, turn);
  };
}

}  // namespace

TaskMaker colored_objects_maker() {
  return {
      .name = "colored_objects",
      .summary = "The colour of one of three things, after a solved example",
      .source = "Merullo et al. 2023, Circuit component reuse across tasks, arXiv 2310.08744",
      .spans = {{"C1", "the first colour of the question's scene"},
                {"O1", "its object"},
                {"C2", "the second colour"},
                {"O2", "its object"},
                {"C3", "the third colour"},
                {"O3", "its object"},
                {"ASKED", "the object asked about"},
                {"end", "the last token"}},
      .corruptions = {{"object", "another of the three objects is asked about"},
                      {"colors", "the asked object and another change colours"}},
      .words = colored_objects_words(),
      .open = open_colored_objects,
      .published = published_colors,
  };
}

}  // namespace headscope
