#include "analyses/head_detectors/texts.h"

#include <array>

#include "lib/base/embed.h"

HEADSCOPE_EMBED(text_prose, HEADSCOPE_TEXT_DATA "/prose.txt")
HEADSCOPE_EMBED(text_dialogue, HEADSCOPE_TEXT_DATA "/dialogue.txt")
HEADSCOPE_EMBED(text_code, HEADSCOPE_TEXT_DATA "/code.txt")

namespace headscope {

std::span<const DomainText> domain_texts() {
  static const std::array<DomainText, 3> texts{
      {{"prose", text_prose()}, {"dialogue", text_dialogue()}, {"code", text_code()}}};
  return texts;
}

}  // namespace headscope
