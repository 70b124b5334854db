#include "lib/chat/operators.h"

#include <algorithm>
#include <cmath>

#include "lib/chat/python_text.h"

namespace headscope::jinja {
namespace {

constexpr std::int64_t kExactInteger = std::int64_t{1} << 53;  // as a double

[[noreturn]] void no_meaning(Op op, const Value& a, const Value& b) {
  constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "//", "%", "**"};
  throw Fault("{} has no meaning between {} and {}",
              kSigns[static_cast<int>(op) - static_cast<int>(Op::add)],
              type_name(a),
              type_name(b));
}

std::int64_t checked(bool overflow, std::int64_t result) {
  if (overflow) {
    throw Fault("an integer does not fit into 64 bits");
  }
  return result;
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = checked(b == -1 && a == INT64_MIN, 0) + a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent-- > 0 && result != 0 && base != 1) {
    if (base == -1) {
      return exponent % 2 == 0 ? -1 : 1;
    }
    std::int64_t next = 0;
    result = checked(__builtin_mul_overflow(result, base, &next), 0) + next;
  }
  return result;
}

double real_modulo(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0.0) {
    return std::copysign(0.0, b);
  }
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

// As CPython's float_floor_div: the quotient is that of what the rest leaves, so nearly whole.
double real_floor_divide(double a, double b) {
  const double rest = std::fmod(a, b);
  const double quotient = (a - rest) / b - (rest != 0.0 && (b < 0) != (rest < 0) ? 1.0 : 0.0);
  if (quotient == 0.0) {
    return std::copysign(0.0, a / b);
  }
  const double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

Value real_arithmetic(Op op, double a, double b) {
  switch (op) {
    case Op::add:
      return a + b;
    case Op::subtract:
      return a - b;
    case Op::multiply:
      return a * b;
    case Op::divide:
      return a / b;
    case Op::modulo:
      return real_modulo(a, b);
    case Op::floor_divide:
      return real_floor_divide(a, b);
    default:
      const double power = std::pow(a, b);
      if (!std::isfinite(power)) {
        throw Fault("** has no answer headscope's Jinja knows for {} and {}", a, b);
      }
      return power;
  }
}

Value integer_arithmetic(Op op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (op) {
    case Op::add:
      return checked(__builtin_add_overflow(a, b, &result), 0) + result;
    case Op::subtract:
      return checked(__builtin_sub_overflow(a, b, &result), 0) + result;
    case Op::multiply:
      return checked(__builtin_mul_overflow(a, b, &result), 0) + result;
    case Op::floor_divide:
      return floor_divide(a, b);
    case Op::modulo:
      return b == -1 ? 0 : a - b * floor_divide(a, b);
    case Op::power:
      if (b >= 0) {
        return integer_power(a, b);
      }
      return real_arithmetic(op, static_cast<double>(a), static_cast<double>(b));
    default:
      checked(std::max(a, b) > kExactInteger || std::min(a, b) < -kExactInteger, 0);
      return static_cast<double>(a) / static_cast<double>(b);
  }
}

Value number_arithmetic(Op op, const Value& a, const Value& b) {
  const bool divides = op == Op::divide || op == Op::floor_divide || op == Op::modulo;
  if (divides && !is_true(b)) {
    throw Fault("a division by zero");
  }
  std::int64_t a_place = 0;
  std::int64_t b_place = 0;
  const std::int64_t* a_whole = integer(a, a_place);
  const std::int64_t* b_whole = integer(b, b_place);
  if (a_whole != nullptr && b_whole != nullptr) {
    return integer_arithmetic(op, *a_whole, *b_whole);
  }
  const auto real = [](const Value& value, const std::int64_t* whole) {
    return whole != nullptr ? static_cast<double>(*whole) : *value.as<double>();
  };
  return real_arithmetic(op, real(a, a_whole), real(b, b_whole));
}

Value add_texts(Meter& meter, const Text& a, const Text& b) {
  const bool safe = a.safe || b.safe;
  std::string joined = safe && !a.safe ? escape_html(*a.bytes) : *a.bytes;
  meter.text(joined.size() + b.bytes->size());
  joined += safe && !b.safe ? escape_html(*b.bytes) : *b.bytes;
  return Text{std::make_shared<const std::string>(std::move(joined)), safe};
}

Value add_sequences(Meter& meter, const Sequence& a, const Sequence& b) {
  std::vector<Value> items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return meter.made(std::move(items), a.kind);
}

Value repeat(Meter& meter, const Value& value, std::int64_t times) {
  const auto count = static_cast<std::size_t>(std::max<std::int64_t>(times, 0));
  if (const auto* text = value.as<Text>()) {
    if (count > 0 && text->bytes->size() > meter.limits().text_bytes / count) {
      meter.text(meter.limits().text_bytes + 1);
    }
    meter.text(count * text->bytes->size());
    std::string result;
    for (std::size_t i = 0; i < count && !text->bytes->empty(); ++i) {
      result += *text->bytes;
    }
    return Text{std::make_shared<const std::string>(std::move(result)), text->safe};
  }
  const Sequence& sequence = *value.sequence();
  std::vector<Value> items;
  for (std::size_t i = 0; i < count && !sequence.items.empty(); ++i) {
    meter.step(static_cast<std::int64_t>(sequence.items.size()));
    items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  }
  return make_sequence(std::move(items), sequence.kind);
}

bool repeatable(const Value& value) {
  return value.text() != nullptr ||
         (value.sequence() != nullptr && value.sequence()->kind <= Sequence::Kind::tuple);
}

bool contains_item(Meter& meter, const Sequence& sequence, const Value& item) {
  const bool once = sequence.kind == Sequence::Kind::iterator;
  for (std::size_t i = once ? sequence.next : 0; i < sequence.items.size(); ++i) {
    meter.step(std::min(weight(item), weight(sequence.items[i])));
    if (once) {
      sequence.next = i + 1;
    }
    if (equal(item, sequence.items[i])) {
      return true;
    }
  }
  return false;
}

bool contains_value(Meter& meter, const Value& whole, const Value& part) {
  if (const std::string* text = whole.text()) {
    if (part.text() == nullptr) {
      throw Fault("'in' looks for a str in a str, not for a value of type {}", type_name(part));
    }
    meter.step(weight(whole));
    return text->find(*part.text()) != text->npos;
  }
  if (const Sequence* sequence = whole.sequence()) {
    return contains_item(meter, *sequence, part);
  }
  if (const Dict* dict = whole.dict()) {
    return dict->find(part) != nullptr;
  }
  if (whole.is<Undefined>()) {
    return false;
  }
  throw Fault("'in' has no meaning for a value of type {}", type_name(whole));
}

}  // namespace

void require_defined(const Value& value) {
  if (const auto* undefined = value.as<Undefined>()) {
    throw Fault("{}", undefined->why == nullptr ? "a value is undefined" : *undefined->why);
  }
}

Value arithmetic(Meter& meter, Op op, const Value& a, const Value& b) {
  require_defined(a);
  require_defined(b);
  if (is_number(a) && is_number(b)) {
    return number_arithmetic(op, a, b);
  }
  const auto* a_text = a.as<Text>();
  const auto* b_text = b.as<Text>();
  if (op == Op::add && a_text != nullptr && b_text != nullptr) {
    return add_texts(meter, *a_text, *b_text);
  }
  if (op == Op::add && repeatable(a) && repeatable(b) && a_text == nullptr && b_text == nullptr &&
      a.sequence()->kind == b.sequence()->kind) {
    return add_sequences(meter, *a.sequence(), *b.sequence());
  }
  std::int64_t place = 0;
  if (op == Op::multiply && repeatable(a) && integer(b, place) != nullptr) {
    return repeat(meter, a, *integer(b, place));
  }
  if (op == Op::multiply && repeatable(b) && integer(a, place) != nullptr) {
    return repeat(meter, b, *integer(a, place));
  }
  if (op == Op::modulo && a_text != nullptr) {
    throw Fault("headscope's Jinja does not format text with %");
  }
  no_meaning(op, a, b);
}

Value signed_value(Op op, const Value& value) {
  require_defined(value);
  if (const auto* number = value.as<double>()) {
    return op == Op::negate ? -*number : *number;
  }
  std::int64_t place = 0;
  const std::int64_t* number = integer(value, place);
  if (number == nullptr) {
    throw Fault("a sign has no meaning for a value of type {}", type_name(value));
  }
  return op == Op::negate ? integer_arithmetic(Op::subtract, 0, *number) : Value(*number);
}

bool compare(Meter& meter, std::string_view word, const Value& a, const Value& b) {
  if (word == "in" || word == "not in") {
    return contains_value(meter, b, a) == (word == "in");
  }
  meter.step(std::min(weight(a), weight(b)));
  if (word == "==" || word == "!=") {
    return equal(a, b) == (word == "==");
  }
  require_defined(a);
  require_defined(b);
  if (word == "<" || word == ">=") {
    return less(a, b) == (word == "<");
  }
  return less(b, a) == (word == ">");
}

}  // namespace headscope::jinja
