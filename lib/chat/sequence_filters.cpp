// Filters of lists and dicts.
#include <algorithm>

#include "lib/chat/access.h"
#include "lib/chat/arguments.h"
#include "lib/chat/filters.h"
#include "lib/chat/operators.h"
#include "lib/chat/python_case.h"
#include "lib/chat/python_text.h"
#include "lib/chat/slice.h"

namespace headscope::jinja {
namespace {

Value length_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("length", arguments, {});
  if (const std::string* text = value.text()) {
    meter.step(weight(value));
    return text_length(*text);
  }
  const Sequence* sequence = value.sequence();
  if (sequence != nullptr && sequence->kind != Sequence::Kind::iterator) {
    return sequence->items.size();
  }
  if (const Dict* dict = value.dict()) {
    return dict->entries().size();
  }
  if (value.is<Undefined>()) {
    return 0;
  }
  throw Fault("a value of type {} has no length", type_name(value));
}

Value list_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("list", arguments, {});
  return meter.made(elements(value));
}

Value items_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("items", arguments, {});
  std::vector<Value> items;
  if (const Dict* dict = value.dict()) {
    for (const auto& [key, held] : dict->entries()) {
      items.push_back(make_sequence({key, held}, Sequence::Kind::tuple));
    }
  } else if (!value.is<Undefined>()) {
    throw Fault("items needs a dict, not a value of type {}", type_name(value));
  }
  return meter.made(std::move(items), Sequence::Kind::iterator);
}

Value first_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("first", arguments, {});
  const Sequence* sequence = value.sequence();
  if (sequence != nullptr && sequence->kind == Sequence::Kind::iterator &&
      sequence->next < sequence->items.size()) {
    return sequence->items[sequence->next++];
  }
  meter.step(weight(value));
  const std::vector<Value> items = elements(value);
  return items.empty() ? Value::undefined("the first of an empty sequence is undefined")
                       : items.front();
}

Value last_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("last", arguments, {});
  const Sequence* sequence = value.sequence();
  if (value.is<Undefined>() ||
      (sequence != nullptr && sequence->kind == Sequence::Kind::iterator)) {
    throw Fault("last needs a sequence, not a value of type {}", type_name(value));
  }
  meter.step(weight(value));
  const std::vector<Value> items = elements(value);
  return items.empty() ? Value::undefined("the last of an empty sequence is undefined")
                       : items.back();
}

// Of a str the text backwards; of an iterator a list, as Python cannot walk it from its end.
Value reverse_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("reverse", arguments, {});
  if (value.text() != nullptr) {
    return get_slice(meter, value, {.step = -1});
  }
  const Sequence* sequence = value.sequence();
  const bool once = sequence != nullptr && sequence->kind == Sequence::Kind::iterator;
  std::vector<Value> items = elements(value);
  std::reverse(items.begin(), items.end());
  return meter.made(std::move(items), once ? Sequence::Kind::list : Sequence::Kind::iterator);
}

Value without_case(const Value& value) {
  return value.text() != nullptr ? Value(lower(*value.text())) : value;
}

// What is compared of each element when it is sorted, made unique or looked for.
struct KeyOf {
  Meter& meter;
  bool case_sensitive;
  const Value* attribute;

  Value operator()(const Value& item) const {
    meter.step(weight(item));
    const Value key = attribute == nullptr ? item : get_path(meter, item, *attribute);
    return case_sensitive ? key : without_case(key);
  }
};

using Keyed = std::pair<Value, Value>;  // the key of an element, and the element

std::vector<Value> sorted(Meter& meter,
                          std::vector<Keyed> keyed,
                          const BoundArguments& bound,
                          std::size_t reverse) {
  const auto before = [&](const Keyed& a, const Keyed& b) {
    meter.step(std::min(weight(a.first), weight(b.first)));
    require_defined(a.first);
    require_defined(b.first);
    return less(a.first, b.first);
  };
  const bool backwards = bound.flag(reverse, false);
  if (backwards) {
    std::reverse(keyed.begin(), keyed.end());  // so that equal ones keep their order
  }
  std::stable_sort(keyed.begin(), keyed.end(), before);
  if (backwards) {
    std::reverse(keyed.begin(), keyed.end());
  }
  std::vector<Value> items;
  for (Keyed& entry : keyed) {
    items.push_back(std::move(entry.second));
  }
  return items;
}

Value sort_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("sort", arguments, {"reverse", "case_sensitive", "attribute"});
  const Value* attribute = bound.given(2);
  if (attribute != nullptr && attribute->text() != nullptr &&
      attribute->text()->find(',') != std::string::npos) {
    throw Fault("headscope's Jinja sorts by one attribute");
  }
  const KeyOf key{meter, bound.flag(1, false), attribute};
  std::vector<Keyed> keyed;
  for (Value& item : elements(value)) {
    Value item_key = key(item);
    keyed.emplace_back(std::move(item_key), std::move(item));
  }
  return meter.made(sorted(meter, std::move(keyed), bound, 0));
}

Value dictsort_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("dictsort", arguments, {"case_sensitive", "by", "reverse"});
  const Dict* dict = value.dict();
  const std::string by = bound.get(1) == nullptr ? "key" : bound.text(1);
  if (dict == nullptr || (by != "key" && by != "value")) {
    throw Fault("dictsort sorts a dict by 'key' or 'value'");
  }
  const KeyOf key{meter, bound.flag(0, false), nullptr};
  std::vector<Keyed> keyed;
  for (const auto& [name, held] : dict->entries()) {
    keyed.emplace_back(key(by == "key" ? name : held),
                       make_sequence({name, held}, Sequence::Kind::tuple));
  }
  return meter.made(sorted(meter, std::move(keyed), bound, 2));
}

Value unique_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("unique", arguments, {"case_sensitive", "attribute"});
  const KeyOf key{meter, bound.flag(0, false), bound.given(1)};
  Dict seen;
  std::vector<Value> items;
  for (const Value& item : elements(value)) {
    const Value item_key = key(item);
    if (seen.find(item_key) == nullptr) {
      seen.set(item_key, true);
      items.push_back(item);
    }
  }
  return meter.made(std::move(items), Sequence::Kind::iterator);
}

Value extreme(Meter& meter,
              const Value& value,
              const BoundArguments& bound,
              std::string_view word) {
  const KeyOf key{meter, bound.flag(0, false), bound.given(1)};
  const std::vector<Value> items = elements(value);
  if (items.empty()) {
    return Value::undefined("the least or largest of an empty sequence is undefined");
  }
  const Value* best = &items.front();
  Value best_key = key(*best);
  for (const Value& item : items) {
    Value item_key = key(item);
    if (compare(meter, word, item_key, best_key)) {
      best = &item;
      best_key = std::move(item_key);
    }
  }
  return *best;
}

Value min_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  return extreme(meter, value, {"min", arguments, {"case_sensitive", "attribute"}}, "<");
}

Value max_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  return extreme(meter, value, {"max", arguments, {"case_sensitive", "attribute"}}, ">");
}

Value sum_filter(Meter& meter, const Value& value, const Arguments& arguments) {
  const BoundArguments bound("sum", arguments, {"attribute", "start"});
  Value total = bound.get(1) == nullptr ? Value(0) : *bound.get(1);
  if (total.text() != nullptr) {
    throw Fault("sum adds no strs");
  }
  for (const Value& item : elements(value)) {
    meter.step();
    total = arithmetic(meter,
                       Op::add,
                       total,
                       bound.given(0) == nullptr ? item : get_path(meter, item, *bound.get(0)));
  }
  return total;
}

constexpr Filter kSequenceFilters[] = {{"length", length_filter},
                                       {"count", length_filter},
                                       {"list", list_filter},
                                       {"items", items_filter},
                                       {"first", first_filter},
                                       {"last", last_filter},
                                       {"reverse", reverse_filter},
                                       {"sort", sort_filter},
                                       {"dictsort", dictsort_filter},
                                       {"unique", unique_filter},
                                       {"min", min_filter},
                                       {"max", max_filter},
                                       {"sum", sum_filter}};

}  // namespace

std::span<const Filter> sequence_filters() {
  return kSequenceFilters;
}

}  // namespace headscope::jinja
