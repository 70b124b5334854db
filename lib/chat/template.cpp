#include "lib/chat/template.h"

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/chat/evaluator.h"
#include "lib/chat/parser.h"
#include "lib/chat/value_json.h"
#include "lib/text/unicode.h"

namespace headscope::jinja {

struct Template::Impl {
  std::string where;
  ChatLimits limits;
  Block block;
};

namespace {

// A message that tells where; control characters would break its one line.
DataError fault_at(const std::string& where, int line, const std::string& message) {
  std::string text = message;
  for (char& byte : text) {
    byte = static_cast<unsigned char>(byte) < 0x20 ? ' ' : byte;
  }
  return DataError("{}, line {}: {}", where, line, text);
}

}  // namespace

Template::Template(std::string_view source, const std::string& where, const ChatLimits& limits) {
  auto impl = std::make_shared<Impl>();
  impl->where = where;
  impl->limits = limits;
  if (source.size() > limits.source_bytes) {
    throw DataError(
        "{}: the template has {} bytes, more than {}", where, source.size(), limits.source_bytes);
  }
  if (valid_utf8_prefix(source) != source.size()) {
    throw DataError("{}: the template is not UTF-8", where);
  }
  try {
    impl->block = parse_template(source, limits.nesting);
  } catch (const SyntaxFault& fault) {
    throw fault_at(where, fault.line, fault.what());
  }
  impl_ = std::move(impl);
}

std::string Template::render(const OrderedJson& variables,
                             std::chrono::system_clock::time_point now) const {
  Meter meter(impl_->limits);
  Variables given = global_functions(meter, now);
  try {
    for (const auto& [name, value] : variables.items()) {
      given[name] = from_json(value);
    }
  } catch (const Fault& fault) {
    throw DataError("{}: {}", impl_->where, fault.what());
  }
  Evaluator evaluator(meter, std::move(given));
  try {
    return evaluator.run(impl_->block);
  } catch (const Fault& fault) {
    throw fault_at(impl_->where, evaluator.line(), fault.what());
  }
}

}  // namespace headscope::jinja
