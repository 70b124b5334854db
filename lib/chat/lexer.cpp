#include "lib/chat/lexer.h"

#include <algorithm>
#include <optional>

#include "lib/chat/lexer_tag.h"
#include "lib/chat/python_text.h"

namespace headscope::jinja {
namespace {

// Newlines of every system are one; the last is no part of the template.
std::string normalized_source(std::string_view source) {
  std::string result;
  result.reserve(source.size());
  for (std::size_t at = 0; at < source.size(); ++at) {
    if (source[at] == '\r') {
      result += '\n';
      at += at + 1 < source.size() && source[at + 1] == '\n' ? 1 : 0;
    } else {
      result += source[at];
    }
  }
  if (result.ends_with('\n')) {
    result.pop_back();
  }
  return result;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  std::vector<Token> tokens() {
    while (at_ < source_.size()) {
      read_data();
    }
    tokens_.push_back({TokenKind::end, line_});
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] std::string_view rest() const { return std::string_view(source_).substr(at_); }

  void move_to(std::size_t end) {
    const auto at = [&](std::size_t place) {
      return source_.begin() + static_cast<std::ptrdiff_t>(place);
    };
    line_ += static_cast<int>(std::count(at(at_), at(end), '\n'));
    at_ = end;
  }

  // The text before a tag that opens with `sign` ("-", "+" or none), less what the tag trims.
  [[nodiscard]] std::string_view trimmed(std::string_view data, char sign, bool block) const {
    if (sign == '-') {
      return strip(data, Side::right);
    }
    if (sign == '+' || !block) {
      return data;
    }
    const std::size_t newline = data.rfind('\n');
    const std::size_t begin = newline == data.npos ? 0 : newline + 1;
    const bool begins_line = newline != data.npos || line_starting_;
    return begins_line && all_space(data.substr(begin)) ? data.substr(0, begin) : data;
  }

  void add_data(std::string_view data) {
    if (!data.empty()) {
      tokens_.push_back({TokenKind::data, line_, std::string(data)});
    }
  }

  // The text up to the next tag, and the tag.
  void read_data() {
    const std::string_view text = rest();
    std::size_t brace = text.find('{');
    while (brace < text.size() &&
           !(brace + 1 < text.size() &&
             std::string_view("{%#").find(text[brace + 1]) != std::string_view::npos)) {
      brace = text.find('{', brace + 1);
    }
    if (brace >= text.size()) {
      add_data(text);
      move_to(source_.size());
      return;
    }
    const char kind = text[brace + 1];
    const char next = brace + 2 < text.size() ? text[brace + 2] : ' ';
    const char sign = next == '-' || next == '+' ? next : ' ';
    add_data(trimmed(text.substr(0, brace), sign, kind != '{'));
    move_to(at_ + brace + (sign == ' ' ? 2 : 3));
    read_tag(kind);
    line_starting_ = at_ > 0 && source_[at_ - 1] == '\n';
  }

  void read_tag(char kind) {
    if (kind == '#') {
      skip_comment();
    } else if (kind == '%' && skip_word("raw")) {
      read_raw();
    } else {
      const bool block = kind == '%';
      tokens_.push_back({block ? TokenKind::block_begin : TokenKind::variable_begin, line_});
      TagReader reader(source_, at_, line_);
      reader.read(block ? TokenKind::block_end : TokenKind::variable_end, tokens_);
      at_ = reader.at;
      line_ = reader.line;
    }
  }

  // Moves behind the end of a tag that `mark` closes: "-" takes white space along, no sign a
  // newline.
  void close(std::size_t end, char sign) {
    move_to(end);
    if (sign == '-') {
      move_to(source_.size() - strip(rest(), Side::left).size());
    } else if (sign == ' ' && rest().starts_with('\n')) {
      move_to(at_ + 1);
    }
  }

  void skip_comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == source_.npos) {
      throw SyntaxFault(line_, "a comment without its end");
    }
    const char before = end > at_ ? source_[end - 1] : ' ';
    close(end + 2, before == '-' || before == '+' ? before : ' ');
  }

  // "{% word %}" whose opening is behind us: moves behind it if it begins here. The
  // newline after {% raw %} stays.
  bool skip_word(std::string_view word) {
    std::string_view text = strip(rest(), Side::left);
    if (!text.starts_with(word)) {
      return false;
    }
    text = strip(text.substr(word.size()), Side::left);
    const bool trims = text.starts_with("-%}");
    if (!trims && !text.starts_with("%}")) {
      return false;
    }
    text.remove_prefix(trims ? 3 : 2);
    move_to(source_.size() - (trims ? strip(text, Side::left) : text).size());
    return true;
  }

  // The end tag of {% raw %}, if one opens at `brace`: where its sign stands, and behind the name.
  [[nodiscard]] std::optional<std::size_t> end_of_raw(std::size_t brace,
                                                      char& opening,
                                                      char& closing) const {
    std::string_view text = std::string_view(source_).substr(brace + 2);
    opening = !text.empty() && (text[0] == '-' || text[0] == '+') ? text[0] : ' ';
    text = strip(text.substr(opening == ' ' ? 0 : 1), Side::left);
    if (!text.starts_with("endraw")) {
      return std::nullopt;
    }
    text = strip(text.substr(6), Side::left);
    closing = !text.empty() && (text[0] == '-' || text[0] == '+') ? text[0] : ' ';
    text.remove_prefix(closing == ' ' ? 0 : 1);
    if (!text.starts_with("%}")) {
      return std::nullopt;
    }
    return source_.size() - text.size() + 2;
  }

  void read_raw() {
    line_starting_ = at_ > 0 && source_[at_ - 1] == '\n';
    for (std::size_t brace = source_.find("{%", at_); brace != source_.npos;
         brace = source_.find("{%", brace + 1)) {
      char opening = ' ';
      char closing = ' ';
      if (const auto end = end_of_raw(brace, opening, closing)) {
        add_data(trimmed(rest().substr(0, brace - at_), opening, true));
        close(*end, closing);
        return;
      }
    }
    throw SyntaxFault(line_, "{% raw %} without {% endraw %}");
  }

  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(normalized_source(source)).tokens();
}

}  // namespace headscope::jinja
