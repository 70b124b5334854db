// The small part of Markdown our reports are written in, as HTML.
#pragma once

#include <string>
#include <string_view>

namespace headscope {

// Headings (#), paragraphs, lists (- or 1.), tables (| a | b |), fenced code, `code`, **strong**,
// *emphasis* and [links](address). Everything else, HTML included, is plain text and escaped. Links
// other than http(s), # and relative ones stay text.
std::string markdown_to_html(std::string_view markdown);

}  // namespace headscope
