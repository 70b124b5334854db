// Natural text compiled into the program (data/text), by domain.
#pragma once

#include <span>
#include <string_view>

namespace headscope {

struct DomainText {
  std::string_view domain;
  std::string_view text;
};
std::span<const DomainText> domain_texts();

}  // namespace headscope
