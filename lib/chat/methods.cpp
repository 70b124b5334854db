#include "lib/chat/methods.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

#include "lib/chat/arguments.h"

namespace headscope::jinja {
namespace {

using NameList = std::initializer_list<std::string_view>;

bool is_one_of(const std::string& name, NameList names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void unknown_method(const Value& value, const std::string& name) {
  throw Fault("headscope's Jinja does not know '{}' of a {}", name, type_name(value));
}

// `body` gets the arguments bound to `names`.
template <typename Body>
Value bound_method(std::string name,
                   std::vector<std::string_view> names,
                   std::size_t required,
                   Body body) {
  Callable callable{name,
                    [name, names = std::move(names), required, body](const Arguments& arguments) {
                      return body(BoundArguments(name + "()", arguments, names, required));
                    }};
  return std::make_shared<const Callable>(std::move(callable));
}

Value dict_view(Meter& meter, const Dict& dict, Sequence::Kind kind) {
  std::vector<Value> items;
  items.reserve(dict.entries().size());
  for (const auto& [key, value] : dict.entries()) {
    items.push_back(kind == Sequence::Kind::keys ? key
                    : kind == Sequence::Kind::values
                        ? value
                        : make_sequence({key, value}, Sequence::Kind::tuple));
  }
  return meter.made(std::move(items), kind);
}

Value view_method(Meter& meter, const Value& value, const std::string& name, Sequence::Kind kind) {
  return bound_method(name, {}, 0, [&meter, value, kind](const BoundArguments&) {
    return dict_view(meter, *value.dict(), kind);
  });
}

Value get_method(const Value& value) {
  return bound_method("get", {"/key", "/default"}, 1, [value](const BoundArguments& arguments) {
    const Value* found = value.dict()->find(*arguments.get(0));
    const Value* otherwise = arguments.get(1);
    return found != nullptr ? *found : otherwise != nullptr ? *otherwise : Value(None{});
  });
}

std::optional<Value> dict_method(Meter& meter, const Value& value, const std::string& name) {
  if (name == "get") {
    return get_method(value);
  }
  if (name == "items") {
    return view_method(meter, value, name, Sequence::Kind::items);
  }
  if (name == "keys") {
    return view_method(meter, value, name, Sequence::Kind::keys);
  }
  if (name == "values") {
    return view_method(meter, value, name, Sequence::Kind::values);
  }
  if (is_one_of(name, {"clear", "pop", "popitem", "setdefault", "update"})) {
    throw Fault("'{}' would change a dict; templates may not", name);
  }
  if (is_one_of(name, {"copy", "fromkeys"})) {
    unknown_method(value, name);
  }
  return std::nullopt;
}

Value count_method(Meter& meter, const Value& value) {
  return bound_method("count", {"/value"}, 1, [&meter, value](const BoundArguments& arguments) {
    const auto& items = value.sequence()->items;
    meter.step(weight(value));
    return Value(std::count_if(items.begin(), items.end(), [&](const Value& item) {
      return equal(item, *arguments.get(0));
    }));
  });
}

Value index_method(Meter& meter, const Value& value) {
  return bound_method("index", {"/value"}, 1, [&meter, value](const BoundArguments& arguments) {
    const auto& items = value.sequence()->items;
    meter.step(weight(value));
    const auto found = std::find_if(items.begin(), items.end(), [&](const Value& item) {
      return equal(item, *arguments.get(0));
    });
    if (found == items.end()) {
      throw Fault("index(): the value is not in the {}", type_name(value));
    }
    return Value(found - items.begin());
  });
}

std::optional<Value> sequence_method(Meter& meter, const Value& value, const std::string& name) {
  const Sequence::Kind kind = value.sequence()->kind;
  if (kind <= Sequence::Kind::range) {
    if (name == "count") {
      return count_method(meter, value);
    }
    if (name == "index") {
      return index_method(meter, value);
    }
  }
  if (kind == Sequence::Kind::list &&
      is_one_of(name,
                {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"})) {
    throw Fault("'{}' would change a list; templates may not", name);
  }
  const bool known_to_python =
      kind == Sequence::Kind::list    ? name == "copy"
      : kind == Sequence::Kind::range ? is_one_of(name, {"start", "stop", "step"})
      : kind == Sequence::Kind::iterator
          ? is_one_of(name, {"send", "throw", "close"}) || name.starts_with("gi_")
      : kind != Sequence::Kind::tuple ? is_one_of(name, {"isdisjoint", "mapping"})
                                      : false;
  if (known_to_python) {
    unknown_method(value, name);
  }
  return std::nullopt;
}

// A loop that remembered one of these could come to hold itself.
void refuse_references(const std::vector<Value>& values) {
  for (const Value& value : values) {
    if (value.text() == nullptr && !is_number(value) && !value.is<None>() &&
        !value.is<Undefined>() && value.sequence() == nullptr && value.dict() == nullptr) {
      throw Fault("loop.changed() does not compare values of type {}", type_name(value));
    }
  }
}

Value changed_method(const std::shared_ptr<const Loop>& loop) {
  Callable callable{"changed", [loop](const Arguments& arguments) {
                      const auto& now = arguments.positional;
                      refuse_references(now);
                      const auto& before = loop->changed;
                      const bool same = loop->asked && now.size() == before.size() &&
                                        std::equal(now.begin(), now.end(), before.begin(), equal);
                      loop->asked = true;
                      loop->changed = now;
                      return Value(!same);
                    }};
  return std::make_shared<const Callable>(std::move(callable));
}

Value cycle_method(const Loop& loop) {
  Callable callable{"cycle", [index = loop.index0](const Arguments& arguments) {
                      if (arguments.positional.empty() || !arguments.named.empty()) {
                        throw Fault("loop.cycle() needs values to choose from");
                      }
                      return arguments.positional[index % arguments.positional.size()];
                    }};
  return std::make_shared<const Callable>(std::move(callable));
}

std::optional<Value> loop_attribute(const std::shared_ptr<const Loop>& held,
                                    const std::string& name) {
  const Loop& loop = *held;
  const std::size_t size = loop.items->size();
  const std::size_t at = loop.index0;
  if (name == "index" || name == "index0") {
    return Value(at + (name == "index" ? 1 : 0));
  }
  if (name == "first" || name == "last") {
    return Value(at == (name == "first" ? 0 : size - 1));
  }
  if (name == "length") {
    return Value(size);
  }
  if (name == "revindex" || name == "revindex0") {
    return Value(size - at - (name == "revindex" ? 0 : 1));
  }
  if (name == "previtem") {
    return at == 0 ? Value::undefined("there is no previous item") : (*loop.items)[at - 1];
  }
  if (name == "nextitem") {
    return at + 1 == size ? Value::undefined("there is no next item") : (*loop.items)[at + 1];
  }
  if (name == "depth" || name == "depth0") {
    return Value(name == "depth" ? 1 : 0);  // of recursive loops, which there are none of
  }
  if (name == "changed") {
    return changed_method(held);
  }
  if (name == "cycle") {
    return cycle_method(loop);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Value> method(Meter& meter, const Value& value, const std::string& name) {
  if (const auto* text = value.as<Text>()) {
    return text_method(meter, *text, name);
  }
  if (value.dict() != nullptr) {
    return dict_method(meter, value, name);
  }
  if (value.sequence() != nullptr) {
    return sequence_method(meter, value, name);
  }
  if (const auto* space = value.as<std::shared_ptr<Namespace>>()) {
    const Value* found = (*space)->attributes.find_text(name);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  if (const auto* loop = value.as<std::shared_ptr<const Loop>>()) {
    return loop_attribute(*loop, name);
  }
  if (value.is<std::shared_ptr<const Callable>>() ||
      (is_number(value) && is_one_of(name,
                                     {"as_integer_ratio",
                                      "bit_count",
                                      "bit_length",
                                      "conjugate",
                                      "denominator",
                                      "from_bytes",
                                      "fromhex",
                                      "hex",
                                      "imag",
                                      "is_integer",
                                      "numerator",
                                      "real",
                                      "to_bytes"}))) {
    unknown_method(value, name);
  }
  return std::nullopt;
}

}  // namespace headscope::jinja
