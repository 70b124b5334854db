#include "lib/base/environment.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>

#include <pwd.h>
#include <unistd.h>

namespace headscope {
namespace {

// An empty user is the one who runs the program.
std::optional<std::string> home_of(const std::string& user) {
  const passwd* entry = user.empty() ? ::getpwuid(::getuid()) : ::getpwnam(user.c_str());
  if (entry == nullptr || entry->pw_dir == nullptr) {
    return std::nullopt;
  }
  return entry->pw_dir;
}

std::string expand_home(const std::string& text) {
  if (!text.starts_with('~')) {
    return text;
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string user = text.substr(1, slash - 1);
  const std::optional<std::string> home =
      user.empty() ? std::optional(home_folder().string()) : home_of(user);
  return home && !home->empty() ? *home + text.substr(slash) : text;
}

bool in_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The end of the "$NAME" or "${NAME}" that begins at `dollar`; `dollar` itself if none does.
std::size_t end_of_variable(const std::string& text, std::size_t dollar) {
  if (text[dollar] != '$') {
    return dollar;
  }
  if (text.compare(dollar, 2, "${") == 0) {
    const std::size_t brace = text.find('}', dollar);
    return brace == std::string::npos ? dollar : brace + 1;
  }
  std::size_t end = dollar + 1;
  while (end < text.size() && in_name(text[end])) {
    ++end;
  }
  return end == dollar + 1 ? dollar : end;
}

std::string expand_variable(const std::string& word) {
  const bool braces = word[1] == '{';
  const std::string name = braces ? word.substr(2, word.size() - 3) : word.substr(1);
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? word : value;
}

}  // namespace

std::filesystem::path home_folder() {
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? home : home_of("").value_or("");
}

std::string expand_path(const std::string& text) {
  const std::string from = expand_home(text);
  std::string out;
  for (std::size_t at = 0; at < from.size();) {
    const std::size_t end = end_of_variable(from, at);
    out += end > at ? expand_variable(from.substr(at, end - at)) : std::string(1, from[at]);
    at = std::max(end, at + 1);
  }
  return out;
}

std::filesystem::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::filesystem::path() : std::filesystem::path(expand_path(value));
}

}  // namespace headscope
