#include "lib/chat/filters.h"

namespace headscope::jinja {
namespace {

const Filter* find_filter(const std::string& name) {
  for (const auto filters :
       {text_filters(), sequence_filters(), choice_filters(), value_filters()}) {
    for (const Filter& filter : filters) {
      if (filter.name == name) {
        return &filter;
      }
    }
  }
  return nullptr;
}

}  // namespace

bool is_filter(const std::string& name) {
  return find_filter(name) != nullptr;
}

Value call_filter(Meter& meter,
                  const std::string& name,
                  const Value& value,
                  const Arguments& arguments) {
  const Filter* filter = find_filter(name);
  if (filter == nullptr) {
    throw Fault("headscope's Jinja has no filter '{}'", name);
  }
  return filter->call(meter, value, arguments);
}

}  // namespace headscope::jinja
