#include "lib/chat/access.h"

#include <charconv>

#include "lib/chat/methods.h"
#include "lib/chat/operators.h"
#include "lib/chat/python_repr.h"
#include "lib/chat/python_text.h"

namespace headscope::jinja {
namespace {

Value missing(const Value& value, const Value& key) {
  const std::string name = key.text() != nullptr ? "'" + *key.text() + "'" : to_text(key);
  return Value::undefined(fmt::format("a value of type {} has no {}", type_name(value), name));
}

bool hashable(const Value& key) {
  return key.sequence() == nullptr && key.dict() == nullptr && !key.is<Undefined>();
}

// value[key] as Python does it, or nothing where Python raises TypeError or LookupError.
std::optional<Value> subscript(const Value& value, const Value& key) {
  if (const Dict* dict = value.dict()) {
    const Value* found = hashable(key) ? dict->find(key) : nullptr;
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  std::int64_t place = 0;
  const std::int64_t* index = integer(key, place);
  if (index == nullptr) {
    return std::nullopt;
  }
  if (const auto* text = value.as<Text>()) {
    auto character = character_at(*text->bytes, *index);
    if (!character) {
      return std::nullopt;
    }
    return Text{std::make_shared<const std::string>(std::move(*character)), text->safe};
  }
  const Sequence* sequence = value.sequence();
  if (sequence == nullptr || !sequence->indexable()) {
    return std::nullopt;
  }
  const auto size = static_cast<std::int64_t>(sequence->items.size());
  if (*index < -size || *index >= size) {
    return std::nullopt;
  }
  return sequence->items[static_cast<std::size_t>(*index < 0 ? *index + size : *index)];
}

void refuse_internal(const std::string& name) {
  if (name.starts_with("__")) {
    throw Fault("'{}' reaches into Python; templates may not", name);
  }
}

}  // namespace

Value get_attribute(Meter& meter, const Value& value, const std::string& name) {
  require_defined(value);
  refuse_internal(name);
  if (auto found = method(meter, value, name)) {
    return std::move(*found);
  }
  if (auto found = subscript(value, name)) {
    return std::move(*found);
  }
  return missing(value, name);
}

Value get_item(Meter& meter, const Value& value, const Value& key) {
  require_defined(value);
  meter.step(value.text() != nullptr ? weight(value) : 1);
  if (auto found = subscript(value, key)) {
    return std::move(*found);
  }
  if (const std::string* name = key.text()) {
    refuse_internal(*name);
    if (auto found = method(meter, value, *name)) {
      return std::move(*found);
    }
  }
  return missing(value, key);
}

Value get_slice(Meter& meter, const Value& value, const Slice& slice) {
  require_defined(value);
  if (const auto* text = value.as<Text>()) {
    meter.step(weight(value));
    std::string part = slice_text(*text->bytes, slice);
    meter.text(part.size());
    return Text{std::make_shared<const std::string>(std::move(part)), text->safe};
  }
  const Sequence* sequence = value.sequence();
  if (sequence == nullptr || !sequence->indexable()) {
    throw Fault("headscope's Jinja has no slices of a value of type {}", type_name(value));
  }
  const SlicePlaces places = slice_places(slice, static_cast<std::int64_t>(sequence->items.size()));
  std::vector<Value> items;
  for (std::int64_t i = 0; i < places.count; ++i) {
    items.push_back(sequence->items[static_cast<std::size_t>(places.first + i * places.step)]);
  }
  return meter.made(std::move(items), sequence->kind);
}

Value get_path(Meter& meter, Value value, const Value& path) {
  std::int64_t place = 0;
  if (const std::int64_t* index = integer(path, place)) {
    return get_item(meter, value, *index);
  }
  if (path.text() == nullptr) {
    throw Fault("an attribute is a name, not a value of type {}", type_name(path));
  }
  const std::string separator = ".";
  for (const std::string& part : split(*path.text(), {.separator = &separator})) {
    std::int64_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool numeric =
        !part.empty() && part[0] != '-' && error == std::errc() && end == part.data() + part.size();
    value = get_item(meter, value, numeric ? Value(index) : Value(part));
  }
  return value;
}

}  // namespace headscope::jinja
