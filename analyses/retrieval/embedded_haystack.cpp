#include "analyses/retrieval/embedded_haystack.h"

#include "lib/base/embed.h"

HEADSCOPE_EMBED(haystack_bakery, HEADSCOPE_HAYSTACK_DATA "/bakery.txt")
HEADSCOPE_EMBED(haystack_tides, HEADSCOPE_HAYSTACK_DATA "/tides.txt")
HEADSCOPE_EMBED(haystack_clockmaker, HEADSCOPE_HAYSTACK_DATA "/clockmaker.txt")
HEADSCOPE_EMBED(haystack_desert_beetle, HEADSCOPE_HAYSTACK_DATA "/desert_beetle.txt")
HEADSCOPE_EMBED(haystack_night_train, HEADSCOPE_HAYSTACK_DATA "/night_train.txt")
HEADSCOPE_EMBED(haystack_paper, HEADSCOPE_HAYSTACK_DATA "/paper.txt")
HEADSCOPE_EMBED(haystack_lighthouse, HEADSCOPE_HAYSTACK_DATA "/lighthouse.txt")
HEADSCOPE_EMBED(haystack_attic_radio, HEADSCOPE_HAYSTACK_DATA "/attic_radio.txt")
HEADSCOPE_EMBED(haystack_beekeeper, HEADSCOPE_HAYSTACK_DATA "/beekeeper.txt")
HEADSCOPE_EMBED(haystack_bell_foundry, HEADSCOPE_HAYSTACK_DATA "/bell_foundry.txt")
HEADSCOPE_EMBED(haystack_chess_club, HEADSCOPE_HAYSTACK_DATA "/chess_club.txt")
HEADSCOPE_EMBED(haystack_ferry_dog, HEADSCOPE_HAYSTACK_DATA "/ferry_dog.txt")
HEADSCOPE_EMBED(haystack_harbour_words, HEADSCOPE_HAYSTACK_DATA "/harbour_words.txt")
HEADSCOPE_EMBED(haystack_kitchen_physics, HEADSCOPE_HAYSTACK_DATA "/kitchen_physics.txt")
HEADSCOPE_EMBED(haystack_maps, HEADSCOPE_HAYSTACK_DATA "/maps.txt")
HEADSCOPE_EMBED(haystack_snow_crystals, HEADSCOPE_HAYSTACK_DATA "/snow_crystals.txt")
HEADSCOPE_EMBED(haystack_volcano_school, HEADSCOPE_HAYSTACK_DATA "/volcano_school.txt")
HEADSCOPE_EMBED(embedded_needles, HEADSCOPE_HAYSTACK_DATA "/needles.json")

namespace headscope {

std::vector<std::string_view> embedded_haystack() {
  return {haystack_bakery(),
          haystack_tides(),
          haystack_clockmaker(),
          haystack_desert_beetle(),
          haystack_night_train(),
          haystack_paper(),
          haystack_lighthouse(),
          haystack_attic_radio(),
          haystack_beekeeper(),
          haystack_bell_foundry(),
          haystack_chess_club(),
          haystack_ferry_dog(),
          haystack_harbour_words(),
          haystack_kitchen_physics(),
          haystack_maps(),
          haystack_snow_crystals(),
          haystack_volcano_school()};
}

}  // namespace headscope
