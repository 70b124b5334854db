#include "analyses/retrieval/embedded_haystack.h"

// The assembler takes the files in as they are; no generated sources, no run-time paths.
#define HEADSCOPE_HAYSTACK(name, file)                                                          \
  asm(".pushsection .rodata\n"                                                                  \
      ".global headscope_haystack_" #name                                                       \
      "\n"                                                                                      \
      "headscope_haystack_" #name ": .incbin \"" HEADSCOPE_HAYSTACK_DATA "/" file               \
      "\"\n"                                                                                    \
      ".global headscope_haystack_" #name                                                       \
      "_end\n"                                                                                  \
      "headscope_haystack_" #name                                                               \
      "_end: .byte 0\n"                                                                         \
      ".popsection\n");                                                                         \
  extern "C" const char headscope_haystack_##name[];                                            \
  extern "C" const char headscope_haystack_##name##_end[];                                      \
  namespace headscope {                                                                         \
  static std::string_view name##_text() {                                                       \
    return {                                                                                    \
        headscope_haystack_##name,                                                              \
        static_cast<std::size_t>(headscope_haystack_##name##_end - headscope_haystack_##name)}; \
  }                                                                                             \
  }

HEADSCOPE_HAYSTACK(bakery, "bakery.txt")
HEADSCOPE_HAYSTACK(tides, "tides.txt")
HEADSCOPE_HAYSTACK(clockmaker, "clockmaker.txt")
HEADSCOPE_HAYSTACK(desert_beetle, "desert_beetle.txt")
HEADSCOPE_HAYSTACK(night_train, "night_train.txt")
HEADSCOPE_HAYSTACK(paper, "paper.txt")
HEADSCOPE_HAYSTACK(lighthouse, "lighthouse.txt")
HEADSCOPE_HAYSTACK(attic_radio, "attic_radio.txt")
HEADSCOPE_HAYSTACK(beekeeper, "beekeeper.txt")
HEADSCOPE_HAYSTACK(bell_foundry, "bell_foundry.txt")
HEADSCOPE_HAYSTACK(chess_club, "chess_club.txt")
HEADSCOPE_HAYSTACK(ferry_dog, "ferry_dog.txt")
HEADSCOPE_HAYSTACK(harbour_words, "harbour_words.txt")
HEADSCOPE_HAYSTACK(kitchen_physics, "kitchen_physics.txt")
HEADSCOPE_HAYSTACK(maps, "maps.txt")
HEADSCOPE_HAYSTACK(snow_crystals, "snow_crystals.txt")
HEADSCOPE_HAYSTACK(volcano_school, "volcano_school.txt")
HEADSCOPE_HAYSTACK(needles, "needles.json")

namespace headscope {

std::vector<std::string_view> embedded_haystack() {
  return {bakery_text(),
          tides_text(),
          clockmaker_text(),
          desert_beetle_text(),
          night_train_text(),
          paper_text(),
          lighthouse_text(),
          attic_radio_text(),
          beekeeper_text(),
          bell_foundry_text(),
          chess_club_text(),
          ferry_dog_text(),
          harbour_words_text(),
          kitchen_physics_text(),
          maps_text(),
          snow_crystals_text(),
          volcano_school_text()};
}

std::string_view embedded_needles() {
  return needles_text();
}

}  // namespace headscope
