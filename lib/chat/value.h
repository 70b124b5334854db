// The values a template computes with: those of Python that JSON and Jinja make. They are never
// changed, as in transformers' sandbox; only a namespace is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "lib/chat/fault.h"

namespace headscope::jinja {

class Value;
struct Sequence;
class Dict;
struct Namespace;
struct Callable;
struct Loop;

// What a name or a place that is not there has: prints nothing, is false, has no elements; anything
// else done with it is a fault, which says `why` ("'tools' is undefined").
struct Undefined {
  std::shared_ptr<const std::string> why;
};

struct None {};

// A str, as valid UTF-8. `safe`: marked by the filter of that name (markupsafe's Markup), so that
// `+` escapes what it is joined to.
struct Text {
  std::shared_ptr<const std::string> bytes;
  bool safe = false;
};

class Value {
 public:
  using Held = std::variant<Undefined,
                            None,
                            bool,
                            std::int64_t,
                            double,
                            Text,
                            std::shared_ptr<const Sequence>,
                            std::shared_ptr<const Dict>,
                            std::shared_ptr<Namespace>,
                            std::shared_ptr<const Callable>,
                            std::shared_ptr<const Loop>>;

  Value() = default;  // undefined
  Value(None none) : held_(none) {}
  Value(bool value) : held_(value) {}
  Value(std::int64_t value) : held_(value) {}
  Value(int value) : held_(std::int64_t{value}) {}
  Value(std::size_t value) : held_(static_cast<std::int64_t>(value)) {}
  Value(double value) : held_(value) {}
  Value(Text text) : held_(std::move(text)) {}
  Value(std::string text) : held_(Text{std::make_shared<const std::string>(std::move(text))}) {}
  Value(std::string_view text) : Value(std::string(text)) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(std::shared_ptr<const Sequence> sequence) : held_(std::move(sequence)) {}
  Value(std::shared_ptr<const Dict> dict) : held_(std::move(dict)) {}
  Value(std::shared_ptr<Namespace> space) : held_(std::move(space)) {}
  Value(std::shared_ptr<const Callable> callable) : held_(std::move(callable)) {}
  Value(std::shared_ptr<const Loop> loop) : held_(std::move(loop)) {}

  // Undefined because of `why`.
  static Value undefined(std::string why);

  template <typename T>
  [[nodiscard]] bool is() const {
    return std::holds_alternative<T>(held_);
  }
  template <typename T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(&held_);
  }
  // What is behind the pointer if this holds one, else null.
  [[nodiscard]] const Sequence* sequence() const;
  [[nodiscard]] const Dict* dict() const;
  [[nodiscard]] const std::string* text() const;  // the bytes of a Text, or null

  [[nodiscard]] const Held& held() const { return held_; }

 private:
  Held held_;
};

// A value that has several in order, and which of Python's types it is.
struct Sequence {
  enum class Kind { list, tuple, range, keys, values, items, iterator };
  Kind kind = Kind::list;
  std::vector<Value> items;
  int depth = 1;                 // of sequences and dicts in one another
  std::int64_t weight = 1;       // see weight()
  mutable std::size_t next = 0;  // of an iterator: it is walked through once
  mutable bool spoiled = false;  // … and left on the way, at a place that is not known
  [[nodiscard]] bool indexable() const { return kind <= Kind::range; }
};

// A dict: keys in the order in which they came.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  // Replaces the value of a key that is there. Throws Fault for a key Python cannot hash.
  void set(const Value& key, Value value);
  void set_text(std::string_view key, Value value) { set(Value(key), std::move(value)); }

  // The value of `key`, or null.
  [[nodiscard]] const Value* find(const Value& key) const;
  [[nodiscard]] const Value* find_text(std::string_view key) const;

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] int depth() const { return depth_; }
  [[nodiscard]] std::int64_t weight() const { return weight_; }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> place_;
  int depth_ = 1;
  std::int64_t weight_ = 1;
};

// What {% set space.name = … %} changes.
struct Namespace {
  Dict attributes;
};

// Fault for a name that begins with "_", and for what could come to hold the namespace itself.
void set_attribute(Namespace& space, const std::string& name, const Value& value);  // globals.cpp

// The arguments of a call, a filter or a test.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

// A macro, a function or a method with what it is called on.
struct Callable {
  std::string name;
  std::function<Value(const Arguments&)> call;
};

// `loop` inside {% for %}.
struct Loop {
  std::shared_ptr<const std::vector<Value>> items;
  mutable std::size_t index0 = 0;
  mutable std::vector<Value> changed{};  // what loop.changed() last saw
  mutable bool asked = false;            // … if it was asked before
};

// Lists in lists beyond this depth, or of more weight, are a fault: what walks over values recurses
// into every part, and into a part as often as it is there.
constexpr int kDeepestValue = 120;
constexpr std::int64_t kHeaviestValue = std::int64_t{1} << 21;

// About how many steps it is to walk over the value: one for each part and for each 32 bytes of
// text.
std::int64_t weight(const Value& value);

Value make_sequence(std::vector<Value> items, Sequence::Kind kind = Sequence::Kind::list);
Value make_dict(Dict dict);

// Python's name of the value's type ("str", "NoneType"), for messages.
std::string_view type_name(const Value& value);

bool is_true(const Value& value);
bool is_number(const Value& value);  // bool, int or float

// Python's == and <. Fault where Python has no answer, or an unusual one.
bool equal(const Value& a, const Value& b);
bool less(const Value& a, const Value& b);

// The elements that a loop over `value` sees: of a str its characters, of a dict its keys, of
// undefined none; an iterator is used up by it. Fault for what Python cannot iterate over.
std::vector<Value> elements(const Value& value);

// An int (or bool), or nothing else.
const std::int64_t* integer(const Value& value, std::int64_t& place);

}  // namespace headscope::jinja
