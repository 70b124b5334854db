#include "lib/chat/value.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lib/chat/python_text.h"

namespace headscope::jinja {
namespace {

constexpr std::array<std::string_view, 11> kTypeNames = {"Undefined",
                                                         "NoneType",
                                                         "bool",
                                                         "int",
                                                         "float",
                                                         "str",
                                                         "list",
                                                         "dict",
                                                         "Namespace",
                                                         "function",
                                                         "LoopContext"};

constexpr std::array<std::string_view, 7> kSequenceNames = {
    "list", "tuple", "range", "dict_keys", "dict_values", "dict_items", "iterator"};

int value_depth(const Value& value) {
  if (const Sequence* sequence = value.sequence()) {
    return sequence->depth;
  }
  const Dict* dict = value.dict();
  return dict == nullptr ? 0 : dict->depth();
}

// Takes a part into account. A namespace is none, since it could hold itself.
void take_part(const Value& part, int& depth, std::int64_t& total) {
  if (part.is<std::shared_ptr<Namespace>>()) {
    throw Fault("headscope's Jinja keeps no namespace inside another value");
  }
  depth = std::max(depth, value_depth(part) + 1);
  total += weight(part);
  if (depth > kDeepestValue) {
    throw Fault("values lie more than {} deep in one another", kDeepestValue);
  }
  if (total > kHeaviestValue) {
    throw Fault("a list or dict grows too large");
  }
}

// Equal keys have equal texts: 1, 1.0 and True are one key.
std::string hash_key(const Value& key) {
  if (const std::string* text = key.text()) {
    return "s" + *text;
  }
  if (const auto* number = key.as<double>()) {
    constexpr double kWhole = 9e15;
    if (*number == std::floor(*number) && std::abs(*number) < kWhole) {
      return fmt::format("i{}", static_cast<std::int64_t>(*number));
    }
    return fmt::format("f{}", *number);
  }
  std::int64_t place = 0;
  if (const std::int64_t* number = integer(key, place)) {
    return fmt::format("i{}", *number);
  }
  if (key.is<None>()) {
    return "n";
  }
  throw Fault("headscope's Jinja has no dict keys of type {}", type_name(key));
}

bool equal_dicts(const Dict& a, const Dict& b) {
  if (a.entries().size() != b.entries().size()) {
    return false;
  }
  return std::all_of(a.entries().begin(), a.entries().end(), [&](const Dict::Entry& entry) {
    const Value* other = b.find(entry.first);
    return other != nullptr && equal(entry.second, *other);
  });
}

bool equal_sequences(const Sequence& a, const Sequence& b) {
  if (&a == &b) {
    return true;
  }
  if (a.kind != b.kind) {
    return false;
  }
  if (!a.indexable()) {
    throw Fault("headscope's Jinja does not compare values of type {}",
                kSequenceNames[static_cast<std::size_t>(a.kind)]);
  }
  return a.items.size() == b.items.size() &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), equal);
}

// An int and a float compare as numbers, not as the nearest float; beyond 2^53 they may differ.
double as_double(const Value& value) {
  if (const auto* number = value.as<double>()) {
    return *number;
  }
  std::int64_t place = 0;
  const std::int64_t whole = *integer(value, place);
  constexpr std::int64_t kExact = std::int64_t{1} << 53;
  if (whole > kExact || whole < -kExact) {
    throw Fault("headscope's Jinja does not compare the integer {} with a float", whole);
  }
  return static_cast<double>(whole);
}

template <typename Compare>
bool compare_numbers(const Value& a, const Value& b, Compare compare) {
  std::int64_t a_place = 0;
  std::int64_t b_place = 0;
  const std::int64_t* a_whole = integer(a, a_place);
  const std::int64_t* b_whole = integer(b, b_place);
  if (a_whole != nullptr && b_whole != nullptr) {
    return compare(*a_whole, *b_whole);
  }
  const auto* a_real = a.as<double>();
  const auto* b_real = b.as<double>();
  if ((a_real != nullptr && std::isnan(*a_real)) || (b_real != nullptr && std::isnan(*b_real))) {
    throw Fault("headscope's Jinja does not compare with NaN");
  }
  if (a_real != nullptr && b_real != nullptr) {
    return compare(*a_real, *b_real);
  }
  return compare(as_double(a), as_double(b));
}

}  // namespace

Value Value::undefined(std::string why) {
  Value value;
  value.held_ = Undefined{std::make_shared<const std::string>(std::move(why))};
  return value;
}

const Sequence* Value::sequence() const {
  const auto* held = as<std::shared_ptr<const Sequence>>();
  return held == nullptr ? nullptr : held->get();
}

const Dict* Value::dict() const {
  const auto* held = as<std::shared_ptr<const Dict>>();
  return held == nullptr ? nullptr : held->get();
}

const std::string* Value::text() const {
  const auto* held = as<Text>();
  return held == nullptr ? nullptr : held->bytes.get();
}

void Dict::set(const Value& key, Value value) {
  take_part(key, depth_, weight_);
  take_part(value, depth_, weight_);
  const auto [found, added] = place_.emplace(hash_key(key), entries_.size());
  if (added) {
    entries_.emplace_back(key, std::move(value));
  } else {
    entries_[found->second].second = std::move(value);
  }
}

const Value* Dict::find(const Value& key) const {
  const auto found = place_.find(hash_key(key));
  return found == place_.end() ? nullptr : &entries_[found->second].second;
}

const Value* Dict::find_text(std::string_view key) const {
  const auto found = place_.find("s" + std::string(key));
  return found == place_.end() ? nullptr : &entries_[found->second].second;
}

Value make_sequence(std::vector<Value> items, Sequence::Kind kind) {
  Sequence sequence{.kind = kind, .items = std::move(items)};
  for (const Value& item : sequence.items) {
    take_part(item, sequence.depth, sequence.weight);
  }
  return std::make_shared<const Sequence>(std::move(sequence));
}

Value make_dict(Dict dict) {
  return std::make_shared<const Dict>(std::move(dict));
}

std::int64_t weight(const Value& value) {
  constexpr std::size_t kBytes = 32;
  if (const std::string* text = value.text()) {
    return 1 + static_cast<std::int64_t>(text->size() / kBytes);
  }
  if (const Sequence* sequence = value.sequence()) {
    return sequence->weight;
  }
  const Dict* dict = value.dict();
  return dict == nullptr ? 1 : dict->weight();
}

std::string_view type_name(const Value& value) {
  if (const Sequence* sequence = value.sequence()) {
    return kSequenceNames[static_cast<std::size_t>(sequence->kind)];
  }
  return kTypeNames[value.held().index()];
}

bool is_true(const Value& value) {
  if (const std::string* text = value.text()) {
    return !text->empty();
  }
  if (const Sequence* sequence = value.sequence()) {
    return sequence->kind == Sequence::Kind::iterator || !sequence->items.empty();
  }
  if (const Dict* dict = value.dict()) {
    return !dict->entries().empty();
  }
  if (const auto* number = value.as<double>()) {
    return *number != 0.0;
  }
  std::int64_t place = 0;
  if (const std::int64_t* number = integer(value, place)) {
    return *number != 0;
  }
  return !value.is<Undefined>() && !value.is<None>();
}

bool is_number(const Value& value) {
  return value.is<bool>() || value.is<std::int64_t>() || value.is<double>();
}

bool equal(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) {
    return compare_numbers(a, b, [](auto x, auto y) { return x == y; });
  }
  if (a.held().index() != b.held().index()) {
    return false;
  }
  if (const std::string* text = a.text()) {
    return *text == *b.text();
  }
  if (const Sequence* sequence = a.sequence()) {
    return equal_sequences(*sequence, *b.sequence());
  }
  if (const Dict* dict = a.dict()) {
    return equal_dicts(*dict, *b.dict());
  }
  if (a.is<Undefined>() || a.is<None>()) {
    return true;
  }
  if (const auto* space = a.as<std::shared_ptr<Namespace>>()) {
    return *space == *b.as<std::shared_ptr<Namespace>>();
  }
  throw Fault("headscope's Jinja does not compare values of type {}", type_name(a));
}

bool less(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) {
    return compare_numbers(a, b, [](auto x, auto y) { return x < y; });
  }
  if (a.text() != nullptr && b.text() != nullptr) {
    return *a.text() < *b.text();  // the order of UTF-8 is that of code points
  }
  const Sequence* left = a.sequence();
  const Sequence* right = b.sequence();
  if (left == nullptr || right == nullptr || left->kind != right->kind ||
      left->kind > Sequence::Kind::tuple) {
    throw Fault("< has no meaning between {} and {}", type_name(a), type_name(b));
  }
  const auto [x, y] = std::mismatch(
      left->items.begin(), left->items.end(), right->items.begin(), right->items.end(), equal);
  if (x == left->items.end() || y == right->items.end()) {
    return left->items.size() < right->items.size();
  }
  return less(*x, *y);
}

std::vector<Value> elements(const Value& value) {
  if (const std::string* text = value.text()) {
    return characters(*text);
  }
  if (const Sequence* sequence = value.sequence()) {
    if (sequence->kind != Sequence::Kind::iterator) {
      return sequence->items;
    }
    if (sequence->spoiled) {
      throw Fault("headscope's Jinja does not walk on through an iterator that {% break %} left");
    }
    const auto from = sequence->items.begin() + static_cast<std::ptrdiff_t>(sequence->next);
    sequence->next = sequence->items.size();
    return {from, sequence->items.end()};
  }
  if (const Dict* dict = value.dict()) {
    std::vector<Value> keys;
    keys.reserve(dict->entries().size());
    for (const auto& [key, ignored] : dict->entries()) {
      keys.push_back(key);
    }
    return keys;
  }
  if (value.is<Undefined>()) {
    return {};
  }
  throw Fault("a value of type {} has no elements to go through", type_name(value));
}

const std::int64_t* integer(const Value& value, std::int64_t& place) {
  if (const auto* flag = value.as<bool>()) {
    place = *flag ? 1 : 0;
    return &place;
  }
  return value.as<std::int64_t>();
}

}  // namespace headscope::jinja
