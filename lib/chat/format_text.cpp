#include "lib/chat/format_text.h"

#include <algorithm>
#include <charconv>

#include "lib/chat/python_repr.h"
#include "lib/chat/python_text.h"

namespace headscope::jinja {
namespace {

const Value& positional(const Arguments& arguments, std::size_t index) {
  if (index >= arguments.positional.size()) {
    throw Fault("format() lacks its argument {}", index);
  }
  return arguments.positional[index];
}

// The argument that "{field}" names; `next` counts the empty ones.
const Value& field_value(const Arguments& arguments, std::string_view field, std::size_t& next) {
  if (field.find_first_of("!:.[{") != field.npos) {
    throw Fault("headscope's Jinja does not know the format '{{{}}}'", field);
  }
  if (field.empty()) {
    return positional(arguments, next++);
  }
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), index);
  if (error == std::errc() && end == field.data() + field.size()) {
    if (next > 0) {
      throw Fault("format(): numbered and unnumbered places are mixed");
    }
    return positional(arguments, index);
  }
  const auto found = std::find_if(arguments.named.begin(),
                                  arguments.named.end(),
                                  [&](const auto& argument) { return argument.first == field; });
  if (found == arguments.named.end()) {
    throw Fault("format() lacks its argument '{}'", field);
  }
  return found->second;
}

}  // namespace

Value replaced(Meter& meter,
               std::string_view text,
               std::string_view old,
               std::string_view with,
               std::int64_t most) {
  const std::int64_t there = count_text(text, old);
  const auto times = static_cast<std::size_t>(most < 0 ? there : std::min(there, most));
  if (with.size() > old.size() && times > meter.limits().text_bytes / (with.size() - old.size())) {
    meter.text(meter.limits().text_bytes + 1);
  }
  return meter.made(replace_text(text, old, with, most));
}

std::string format_text(Meter& meter, std::string_view format, const Arguments& arguments) {
  std::string result;
  std::size_t next = 0;
  while (!format.empty()) {
    const std::size_t brace = std::min(format.find_first_of("{}"), format.size());
    result += format.substr(0, brace);
    meter.text(result.size());
    format.remove_prefix(brace);
    if (format.starts_with("{{") || format.starts_with("}}")) {
      result += format.front();
      format.remove_prefix(2);
    } else if (!format.empty()) {
      const std::size_t end = format.find('}');
      if (format.front() == '}' || end == format.npos) {
        throw Fault("format(): a single brace");
      }
      result += to_text(field_value(arguments, format.substr(1, end - 1), next));
      format.remove_prefix(end + 1);
    }
  }
  return result;
}

}  // namespace headscope::jinja
