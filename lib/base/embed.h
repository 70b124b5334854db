// Files compiled into the program: the assembler takes them in as they are; no generated sources,
// no run-time paths. Used once a file, outside namespaces, in a .cpp.
#pragma once

#include <cstddef>
#include <string_view>

// Defines std::string_view headscope::FUNCTION(), the bytes of the file at PATH (a literal).
#define HEADSCOPE_EMBED(function, path)                                    \
  asm(".pushsection .rodata\n"                                             \
      ".global headscope_embedded_" #function                              \
      "\n"                                                                 \
      "headscope_embedded_" #function ": .incbin \"" path                  \
      "\"\n"                                                               \
      ".global headscope_embedded_" #function                              \
      "_end\n"                                                             \
      "headscope_embedded_" #function                                      \
      "_end: .byte 0\n"                                                    \
      ".popsection\n");                                                    \
  extern "C" const char headscope_embedded_##function[];                   \
  extern "C" const char headscope_embedded_##function##_end[];             \
  namespace headscope {                                                    \
  std::string_view function() {                                            \
    return {headscope_embedded_##function,                                 \
            static_cast<std::size_t>(headscope_embedded_##function##_end - \
                                     headscope_embedded_##function)};      \
  }                                                                        \
  }
