#include "lib/chat/globals.h"

#include <array>
#include <ctime>

#include "lib/chat/arguments.h"

namespace headscope::jinja {
namespace {

template <typename Body>
Value function(const std::string& name, Body body) {
  return std::make_shared<const Callable>(Callable{name, std::move(body)});
}

Value raise_exception(const Arguments& arguments) {
  const BoundArguments bound("raise_exception()", arguments, {"message"}, 1);
  const std::string* message = bound.get(0)->text();
  throw Fault("the template refuses the messages: {}",
              message == nullptr ? "without a reason" : *message);
}

Value make_range(Meter& meter, const Arguments& arguments) {
  const BoundArguments bound("range()", arguments, {"/start", "/stop", "/step"}, 1);
  const bool one = bound.get(1) == nullptr;
  const std::int64_t start = one ? 0 : bound.integer(0, 0);
  const std::int64_t stop = bound.integer(one ? 0 : 1, 0);
  const std::int64_t step = bound.integer(2, 1);
  constexpr std::int64_t kSandboxMost = 100'000;
  if (step == 0) {
    throw Fault("range(): the step is 0");
  }
  std::vector<Value> items;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (items.size() == static_cast<std::size_t>(kSandboxMost)) {
      throw Fault("range(): more than {} numbers", kSandboxMost);
    }
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) {
      break;
    }
  }
  return meter.made(std::move(items), Sequence::Kind::range);
}

// The pairs that dict() and namespace() are called with: a dict first, then names.
Dict pairs(const std::string& what, const Arguments& arguments) {
  Dict dict;
  if (!arguments.positional.empty()) {
    const Dict* first = arguments.positional.front().dict();
    if (first == nullptr || arguments.positional.size() > 1) {
      throw Fault("headscope's Jinja knows {} of one dict, or of names", what);
    }
    dict = *first;
  }
  for (const auto& [name, value] : arguments.named) {
    dict.set_text(name, value);
  }
  return dict;
}

Value make_namespace(const Arguments& arguments) {
  auto space = std::make_shared<Namespace>();
  const Dict attributes = pairs("namespace()", arguments);
  for (const auto& [name, value] : attributes.entries()) {
    if (name.text() == nullptr) {
      throw Fault("the attributes of a namespace are names");
    }
    set_attribute(*space, *name.text(), value);
  }
  return space;
}

}  // namespace

void set_attribute(Namespace& space, const std::string& name, const Value& value) {
  if (name.starts_with('_')) {
    throw Fault("a namespace has no attributes that begin with '_', such as '{}'", name);
  }
  if (value.is<std::shared_ptr<const Callable>>() || value.is<std::shared_ptr<const Loop>>()) {
    throw Fault("headscope's Jinja keeps no {} in a namespace", type_name(value));
  }
  space.attributes.set_text(name, value);
}

std::string local_time(const std::string& format, std::chrono::system_clock::time_point now) {
  if (format.find("%f") != format.npos || format.find("%z") != format.npos ||
      format.find("%Z") != format.npos) {
    throw Fault("headscope's Jinja does not know %f, %z and %Z in strftime_now('{}')", format);
  }
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  std::array<char, 1024> buffer{};
  const std::size_t size = std::strftime(buffer.data(), buffer.size(), format.c_str(), &parts);
  if (size == 0 && !format.empty()) {
    throw Fault("strftime_now(): the format '{}' gives no text, or too much", format);
  }
  return {buffer.data(), size};
}

bool is_unknown_global(const std::string& name) {
  return name == "lipsum" || name == "cycler" || name == "joiner";
}

Variables global_functions(Meter& meter, std::chrono::system_clock::time_point now) {
  Variables functions;
  functions["raise_exception"] = function("raise_exception", raise_exception);
  functions["namespace"] = function("namespace", make_namespace);
  functions["range"] = function(
      "range", [&meter](const Arguments& arguments) { return make_range(meter, arguments); });
  functions["dict"] = function("dict", [&meter](const Arguments& arguments) {
    Dict dict = pairs("dict()", arguments);
    meter.step(dict.weight());
    return make_dict(std::move(dict));
  });
  functions["strftime_now"] = function("strftime_now", [now](const Arguments& arguments) {
    const BoundArguments bound("strftime_now()", arguments, {"format"}, 1);
    return Value(local_time(bound.text(0), now));
  });
  return functions;
}

}  // namespace headscope::jinja
