#include "cli/render/markdown.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "cli/render/text_codes.h"

namespace headscope {
namespace {

bool starts(std::string_view line, std::string_view with) {
  return line.substr(0, with.size()) == with;
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  return begin == std::string_view::npos
             ? ""
             : std::string(text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1));
}

// Addresses with a scheme other than http(s), such as javascript:, are not linked.
bool is_safe(std::string_view address) {
  const auto colon = address.find(':');
  return starts(address, "https://") || starts(address, "http://") ||
         colon == std::string_view::npos || address.find_first_of("/#") < colon;
}

std::string inline_html(std::string_view text);

// The span that opens at `at`, moving past it; "" if nothing opens there.
std::string span_at(std::string_view text, std::size_t& at) {
  const auto wrap = [&](std::string_view mark, const char* tag, bool nested) -> std::string {
    const auto begin = at + mark.size();
    const auto end =
        starts(text.substr(at), mark) ? text.find(mark, begin) : std::string_view::npos;
    if (end == std::string_view::npos || end == begin || text[begin] == ' ') {
      return "";
    }
    const auto inside = text.substr(begin, end - begin);
    at = end + mark.size();
    return fmt::format("<{0}>{1}</{0}>", tag, nested ? inline_html(inside) : escaped(inside));
  };
  for (const auto& [mark, tag] : {std::pair{"`", "code"}, {"**", "strong"}, {"*", "em"}}) {
    const std::string html = wrap(mark, tag, mark[0] != '`');
    if (!html.empty()) {
      return html;
    }
  }
  const auto middle = text[at] == '[' ? text.find("](", at) : std::string_view::npos;
  const auto end = middle == std::string_view::npos ? middle : text.find(')', middle);
  if (end == std::string_view::npos) {
    return "";
  }
  const auto address = text.substr(middle + 2, end - middle - 2);
  if (!is_safe(address)) {
    return "";
  }
  const auto label = text.substr(at + 1, middle - at - 1);
  at = end + 1;
  return fmt::format("<a href=\"{}\">{}</a>", escaped(address), inline_html(label));
}

std::string inline_html(std::string_view text) {
  std::string out;
  std::size_t plain = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::string span = span_at(text, at);
    if (span.empty()) {
      ++at;
      continue;
    }
    out += escaped(text.substr(plain, begin - plain)) + span;
    plain = at;
  }
  return out + escaped(text.substr(plain));
}

// Length of "- " or "12. " at the start, 0 if it is no list item.
std::size_t item_mark(std::string_view line) {
  if (starts(line, "- ")) {
    return 2;
  }
  std::size_t digits = 0;
  while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) {
    ++digits;
  }
  return digits > 0 && starts(line.substr(digits), ". ") ? digits + 2 : 0;
}

bool is_rule(const std::string& line) {
  return line.find_first_not_of("|-: ") == std::string::npos;
}

class Blocks {
 public:
  explicit Blocks(std::string_view markdown) {
    std::istringstream in{std::string(markdown)};
    for (std::string line; std::getline(in, line);) {
      lines_.push_back(line);
    }
  }

  std::string html() {
    while (at_ < lines_.size()) {
      block();
    }
    return out_;
  }

 private:
  void block() {
    const std::string line = trimmed(lines_[at_]);
    const auto level = line.find_first_not_of('#');
    if (line.empty()) {
      ++at_;
    } else if (starts(line, "```")) {
      code();
    } else if (level != std::string::npos && level > 0 && level <= 6 && line[level] == ' ') {
      out_ += fmt::format("<h{0}>{1}</h{0}>\n", level, inline_html(trimmed(line.substr(level))));
      ++at_;
    } else if (item_mark(line) > 0) {
      list(line[0] == '-' ? "ul" : "ol");
    } else if (line[0] == '|') {
      table();
    } else {
      paragraph();
    }
  }

  void code() {
    out_ += "<pre><code>";
    for (++at_; at_ < lines_.size() && !starts(trimmed(lines_[at_]), "```"); ++at_) {
      out_ += escaped(lines_[at_]) + "\n";
    }
    out_ += "</code></pre>\n";
    ++at_;
  }

  void list(const char* tag) {
    out_ += fmt::format("<{}>\n", tag);
    const bool bulleted = trimmed(lines_[at_])[0] == '-';
    while (at_ < lines_.size() && item_mark(trimmed(lines_[at_])) > 0 &&
           bulleted == (trimmed(lines_[at_])[0] == '-')) {
      const std::string line = trimmed(lines_[at_++]);
      out_ += "<li>" + inline_html(std::string_view(line).substr(item_mark(line))) + "</li>\n";
    }
    out_ += fmt::format("</{}>\n", tag);
  }

  void table() {
    const char* tag = "th";
    out_ += "<table>\n";
    for (; at_ < lines_.size() && starts(trimmed(lines_[at_]), "|"); ++at_) {
      const std::string line = trimmed(lines_[at_]);
      if (!is_rule(line)) {
        row(line, tag);
        tag = "td";
      }
    }
    out_ += "</table>\n";
  }

  void row(const std::string& line, const char* tag) {
    out_ += "<tr>";
    std::istringstream cells(line.substr(1));
    for (std::string cell; std::getline(cells, cell, '|');) {
      out_ += fmt::format("<{0}>{1}</{0}>", tag, inline_html(trimmed(cell)));
    }
    out_ += "</tr>\n";
  }

  void paragraph() {
    std::string text;
    for (; at_ < lines_.size(); ++at_) {
      const std::string line = trimmed(lines_[at_]);
      const bool ends = line.empty() || starts(line, "```") || starts(line, "# ") ||
                        starts(line, "## ") || item_mark(line) > 0 || line[0] == '|';
      if (ends && !text.empty()) {
        break;
      }
      text += (text.empty() ? "" : " ") + line;
    }
    out_ += "<p>" + inline_html(text) + "</p>\n";
  }

  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string markdown_to_html(std::string_view markdown) {
  return Blocks(markdown).html();
}

}  // namespace headscope
