#include "lib/text/oniguruma.h"

#include <array>

#include "lib/base/error.h"
#include "lib/text/unicode_16.h"

namespace headscope {
namespace {

// Oniguruma's \s is White_Space; PCRE2's own differs by a few characters. To stand inside a class.
constexpr std::string_view kSpace =
    R"(\x{9}-\x{d}\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr std::string_view kHex = "0-9a-fA-F";

constexpr std::array<std::string_view, 38> kCategories = {
    "Cc", "Cf", "Co", "Cs", "L",  "Ll", "Lm", "Lo", "Lt", "Lu",  "M",          "Mc",         "Me",
    "Mn", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Pe", "Pf",  "Pi",         "Po",         "Ps",
    "S",  "Sc", "Sk", "Sm", "So", "Z",  "Zl", "Zp", "Zs", "Any", "Alphabetic", "White_Space"};
constexpr std::array<std::string_view, 24> kScripts = {
    "Arabic",    "Armenian", "Bengali",  "Cyrillic", "Devanagari", "Ethiopic",
    "Georgian",  "Greek",    "Gujarati", "Gurmukhi", "Han",        "Hangul",
    "Hebrew",    "Hiragana", "Katakana", "Khmer",    "Lao",        "Latin",
    "Mongolian", "Myanmar",  "Tamil",    "Telugu",   "Thai",       "Tibetan"};

template <typename Names>
bool listed(const Names& names, std::string_view name) {
  for (const std::string_view known : names) {
    if (known == name) {
      return true;
    }
  }
  return false;
}

class Translator {
 public:
  Translator(std::string_view regex, const std::string& where) : regex_(regex), where_(where) {}

  std::string run() {
    while (at_ < regex_.size()) {
      step();
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void reject(std::string_view what) const {
    throw DataError("{}: headscope does not implement {} (at byte {} of the pattern '{}')",
                    where_,
                    what,
                    at_,
                    regex_);
  }

  [[nodiscard]] char peek(std::size_t ahead = 0) const {
    return at_ + ahead < regex_.size() ? regex_[at_ + ahead] : '\0';
  }

  void copy(std::size_t count = 1) {
    out_.append(regex_.substr(at_, count));
    at_ += count;
  }

  void step() {
    switch (peek()) {
      case '\\':
        escape();
        break;
      case '[':
        character_class();
        break;
      case '(':
        group();
        break;
      case '{':
        braces();
        break;
      default:
        copy();
    }
  }

  // Only groups whose meaning both engines share.
  void group() {
    if (peek(1) != '?') {
      copy();
      return;
    }
    for (const std::string_view opening :
         {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?-i:", "(?i)", "(?-i)"}) {
      if (regex_.substr(at_, opening.size()) == opening) {
        copy(opening.size());
        return;
      }
    }
    reject("this kind of group");
  }

  // {n}, {n,} and {n,m}, but not {,m}, which PCRE2 10.42 reads as text; nor {n,m}+, which Ruby
  // reads as a repeated repetition and PCRE2 as a possessive one.
  void braces() {
    std::size_t end = at_ + 1;
    while (end < regex_.size() && regex_[end] >= '0' && regex_[end] <= '9') {
      ++end;
    }
    if (end == at_ + 1) {
      reject("'{' without a count");
    }
    end += end < regex_.size() && regex_[end] == ',' ? 1 : 0;
    while (end < regex_.size() && regex_[end] >= '0' && regex_[end] <= '9') {
      ++end;
    }
    if (end >= regex_.size() || regex_[end] != '}') {
      reject("'{' without a count");
    }
    copy(end + 1 - at_);
    if (peek() == '+') {
      reject("'+' after a counted repetition");
    }
  }

  void character_class() {
    copy();
    const bool negated = peek() == '^';
    if (negated) {
      copy();
    }
    if (peek() == ']') {
      reject("an unescaped ']' that opens a class");
    }
    in_class_ = true;
    while (at_ < regex_.size() && peek() != ']') {
      if (peek() == '[') {
        reject("a class in a class");
      }
      if (peek() == '&' && peek(1) == '&') {
        reject("'&&' in a class");
      }
      peek() == '\\' ? escape() : copy();
    }
    if (at_ >= regex_.size()) {
      reject("a class without ']'");
    }
    in_class_ = false;
    copy();
  }

  // Alphabetic, Mark, decimal number and connector; of the other numbers, Latin-1's.
  static std::string word_members() {
    std::string members = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";
    for (const std::string_view category : {"L", "M", "Nd"}) {
      members += newer_members(category);
    }
    return members;
  }

  void set(std::string_view members, char letter) {
    const bool negated = letter >= 'A' && letter <= 'Z';
    if (in_class_ && negated) {
      reject(fmt::format("'\\{}' in a class", letter));
    }
    out_ += in_class_ ? std::string(members) : fmt::format("[{}{}]", negated ? "^" : "", members);
    at_ += 2;
  }

  void escape() {
    const char letter = peek(1);
    switch (letter) {
      case 's':
      case 'S':
        return set(kSpace, letter);
      case 'w':
      case 'W':
        return set(word_members(), letter);
      case 'd':
      case 'D':
        return set(fmt::format("\\p{{Nd}}{}", newer_members("Nd")), letter);
      case 'h':
      case 'H':
        return set(kHex, letter);
      case 'p':
      case 'P':
        return property();
      case 'u':
        return code_point(4);
      case 'x':
        return hexadecimal();
      case 'v':
        out_ += R"(\x{b})";
        at_ += 2;
        return;
      default:
        plain_escape(letter);
    }
  }

  void plain_escape(char letter) {
    const bool shared = std::string_view("nrtfae").find(letter) != std::string_view::npos;
    const bool anchor =
        std::string_view("AzZ").find(letter) != std::string_view::npos && !in_class_;
    const bool symbol = (letter >= '!' && letter <= '/') || (letter >= ':' && letter <= '@') ||
                        (letter >= '[' && letter <= '`') || (letter >= '{' && letter <= '~') ||
                        letter == ' ';
    if (!shared && !anchor && !symbol) {
      reject(fmt::format("the escape '\\{}'", letter == '\0' ? ' ' : letter));
    }
    copy(2);
  }

  void property() {
    const bool upper = peek(1) == 'P';
    const std::size_t close = regex_.find('}', at_);
    if (peek(2) != '{' || close == std::string_view::npos) {
      reject("a property without braces");
    }
    std::string_view name = regex_.substr(at_ + 3, close - at_ - 3);
    const bool caret = !name.empty() && name.front() == '^';
    name.remove_prefix(caret ? 1 : 0);
    const bool script = listed(kScripts, name);
    if (!script && !listed(kCategories, name)) {
      reject(fmt::format("the property '\\p{{{}}}'", name));
    }
    emit_property(name, upper != caret, script);
    at_ = close + 1;
  }

  void emit_property(std::string_view name, bool negated, bool script) {
    const std::string_view newer = newer_members(name);
    const std::string positive = fmt::format("\\p{{{}{}}}{}", script ? "sc:" : "", name, newer);
    if (newer.empty() || (in_class_ && !negated)) {
      out_ += negated ? fmt::format("\\P{{{}{}}}", script ? "sc:" : "", name) : positive;
    } else if (in_class_) {
      reject(fmt::format("'\\P{{{}}}' in a class", name));
    } else {
      out_ += fmt::format("[{}{}]", negated ? "^" : "", positive);
    }
  }

  void code_point(std::size_t digits) {
    const std::string_view hex = regex_.substr(at_ + 2, digits);
    if (hex.size() != digits || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos) {
      reject("a code point without its hexadecimal digits");
    }
    out_ += fmt::format("\\x{{{}}}", hex);
    at_ += 2 + digits;
  }

  void hexadecimal() {
    if (peek(2) != '{') {
      if (peek(2) > '7') {
        reject("a raw byte above 7F");
      }
      return code_point(2);
    }
    const std::size_t close = regex_.find('}', at_);
    if (close == std::string_view::npos || close == at_ + 3 || close - at_ - 3 > 6) {
      reject("a code point without its hexadecimal digits");
    }
    copy(close + 1 - at_);
  }

  std::string_view regex_;
  const std::string& where_;
  std::string out_;
  std::size_t at_ = 0;
  bool in_class_ = false;
};

}  // namespace

std::string oniguruma_to_pcre2(std::string_view regex, const std::string& where) {
  return Translator(regex, where).run();
}

}  // namespace headscope
