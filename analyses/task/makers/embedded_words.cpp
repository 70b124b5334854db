#include "analyses/task/makers/embedded_words.h"

// The assembler takes the files in as they are; no generated sources, no run-time paths.
#define HEADSCOPE_WORDS(name)                                                                 \
  asm(".pushsection .rodata\n"                                                                \
      ".global headscope_words_" #name                                                        \
      "\n"                                                                                    \
      "headscope_words_" #name ": .incbin \"" HEADSCOPE_TASK_DATA "/" #name                   \
      ".json\"\n"                                                                             \
      ".global headscope_words_" #name                                                        \
      "_end\n"                                                                                \
      "headscope_words_" #name                                                                \
      "_end: .byte 0\n"                                                                       \
      ".popsection\n");                                                                       \
  extern "C" const char headscope_words_##name[];                                             \
  extern "C" const char headscope_words_##name##_end[];                                       \
  namespace headscope {                                                                       \
  std::string_view name##_words() {                                                           \
    return {headscope_words_##name,                                                           \
            static_cast<std::size_t>(headscope_words_##name##_end - headscope_words_##name)}; \
  }                                                                                           \
  }

HEADSCOPE_WORDS(ioi)
HEADSCOPE_WORDS(greater_than)
HEADSCOPE_WORDS(docstring)
HEADSCOPE_WORDS(colored_objects)
HEADSCOPE_WORDS(gendered_pronouns)
HEADSCOPE_WORDS(capitals)
HEADSCOPE_WORDS(successor)
HEADSCOPE_WORDS(arithmetic)
HEADSCOPE_WORDS(multiple_choice)
HEADSCOPE_WORDS(acronyms)
HEADSCOPE_WORDS(key_retrieval)
