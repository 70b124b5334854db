#include "analyses/head_detectors/texts.h"

#include <array>
#include <cstddef>

// The assembler takes the files in as they are.
#define HEADSCOPE_TEXT(name)                                               \
  asm(".pushsection .rodata\n"                                             \
      ".global headscope_text_" #name                                      \
      "\n"                                                                 \
      "headscope_text_" #name ": .incbin \"" HEADSCOPE_TEXT_DATA "/" #name \
      ".txt\"\n"                                                           \
      ".global headscope_text_" #name                                      \
      "_end\n"                                                             \
      "headscope_text_" #name                                              \
      "_end: .byte 0\n"                                                    \
      ".popsection\n");                                                    \
  extern "C" const char headscope_text_##name[];                           \
  extern "C" const char headscope_text_##name##_end[];

HEADSCOPE_TEXT(prose)
HEADSCOPE_TEXT(dialogue)
HEADSCOPE_TEXT(code)

namespace headscope {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::span<const DomainText> domain_texts() {
  static const std::array<DomainText, 3> texts{{
      {"prose", between(headscope_text_prose, headscope_text_prose_end)},
      {"dialogue", between(headscope_text_dialogue, headscope_text_dialogue_end)},
      {"code", between(headscope_text_code, headscope_text_code_end)},
  }};
  return texts;
}

}  // namespace headscope
