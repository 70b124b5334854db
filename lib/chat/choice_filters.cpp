// Filters that ask something of each element. Python asks when the result is walked through,
// headscope at once.
#include "lib/chat/access.h"
#include "lib/chat/filters.h"
#include "lib/chat/tests.h"

namespace headscope::jinja {
namespace {

// The name at `place` of the arguments, and what follows it.
struct Inner {
  std::string name;
  Arguments arguments;
};

Inner inner_call(const Arguments& arguments, std::size_t place, std::string_view what) {
  const Value& name = arguments.positional[place];
  if (name.text() == nullptr) {
    throw Fault("{} needs the name of a filter or test", what);
  }
  const auto rest = arguments.positional.begin() + static_cast<std::ptrdiff_t>(place + 1);
  return {*name.text(), {{rest, arguments.positional.end()}, arguments.named}};
}

// The elements to ask; of what is false, such as none, there are none.
std::vector<Value> asked_elements(const Value& value) {
  return is_true(value) ? elements(value) : std::vector<Value>();
}

const Value* named_argument(const Arguments& arguments, std::string_view name) {
  for (const auto& [key, value] : arguments.named) {
    if (key == name) {
      return &value;
    }
  }
  return nullptr;
}

Value map_attribute(Meter& meter,
                    const Value& value,
                    const Arguments& arguments,
                    const Value& attribute) {
  const Value* otherwise = named_argument(arguments, "default");
  if (arguments.named.size() != (otherwise == nullptr ? 1u : 2u)) {
    throw Fault("map(attribute=…) takes only `default` beside it");
  }
  if (otherwise != nullptr && attribute.text() != nullptr &&
      attribute.text()->find('.') != std::string::npos) {
    throw Fault("headscope's Jinja knows map(attribute, default) of one name");
  }
  std::vector<Value> items;
  for (const Value& item : asked_elements(value)) {
    meter.step();
    Value found = get_path(meter, item, attribute);
    const bool replaced = otherwise != nullptr && !otherwise->is<None>() && found.is<Undefined>();
    items.push_back(replaced ? *otherwise : std::move(found));
  }
  return meter.made(std::move(items), Sequence::Kind::iterator);
}

Value map_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  if (arguments.positional.empty()) {
    const Value* attribute = named_argument(arguments, "attribute");
    if (attribute == nullptr) {
      throw Fault("map needs the name of a filter, or attribute=…");
    }
    return map_attribute(meter, value, arguments, *attribute);
  }
  const Inner inner = inner_call(arguments, 0, "map");
  std::vector<Value> items;
  for (const Value& item : asked_elements(value)) {
    meter.step();
    items.push_back(call_filter(meter, inner.name, item, inner.arguments));
  }
  return meter.made(std::move(items), Sequence::Kind::iterator);
}

enum class Keep { passing, failing };

Value chosen(
    Meter& meter, const Value& value, const Arguments& arguments, std::size_t name_at, Keep keep) {
  const Value* attribute = name_at == 0 ? nullptr : &arguments.positional.front();
  const bool tested = arguments.positional.size() > name_at;
  const Inner inner = tested ? inner_call(arguments, name_at, "select") : Inner{};
  std::vector<Value> items;
  for (const Value& item : asked_elements(value)) {
    meter.step();
    const Value asked = attribute == nullptr ? item : get_path(meter, item, *attribute);
    const bool passes =
        tested ? call_test(meter, inner.name, asked, inner.arguments) : is_true(asked);
    if (passes == (keep == Keep::passing)) {
      items.push_back(item);
    }
  }
  return meter.made(std::move(items), Sequence::Kind::iterator);
}

Value select_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  return chosen(meter, value, arguments, 0, Keep::passing);
}

Value reject_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  return chosen(meter, value, arguments, 0, Keep::failing);
}

void require_attribute(const Arguments& arguments) {
  if (arguments.positional.empty()) {
    throw Fault("selectattr and rejectattr need the name of an attribute");
  }
}

Value selectattr_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  require_attribute(arguments);
  return chosen(meter, value, arguments, 1, Keep::passing);
}

Value rejectattr_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  require_attribute(arguments);
  return chosen(meter, value, arguments, 1, Keep::failing);
}

constexpr Filter kChoiceFilters[] = {{"map", map_filter},
                                     {"select", select_filter},
                                     {"reject", reject_filter},
                                     {"selectattr", selectattr_filter},
                                     {"rejectattr", rejectattr_filter}};

}  // namespace

std::span<const Filter> choice_filters() {
  return kChoiceFilters;
}

}  // namespace headscope::jinja
