#include "cli/document.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "lib/base/json.h"

namespace headscope {
namespace {

constexpr int kJsonVersion = 1;  // a key more leaves it, another meaning of one does not

std::string& document_format() {
  static std::string format = "headscope";
  return format;
}

// What exit codes stand for, as `headscope --help` has it.
std::string_view kind_of(int exit_code) {
  switch (exit_code) {
    case 2:
      return "usage";
    case 3:
      return "data";
    case 4:
      return "resources";
    case 130:
      return "interrupted";
    default:
      return "internal";
  }
}

}  // namespace

void set_document_verb(std::string_view verb) {
  std::string format = "headscope-" + std::string(verb);
  std::replace(format.begin(), format.end(), ' ', '-');
  document_format() = std::move(format);
}

OrderedJson named_document(const OrderedJson& json) {
  if (!json.is_object() || json.contains("format")) {
    return json;
  }
  OrderedJson document{{"format", document_format()}, {"version", kJsonVersion}};
  document.update(json);
  return document;
}

void print_error_document(const Failure& failure) {
  const OrderedJson error{{"kind", kind_of(failure.exit_code)},
                          {"exit_code", failure.exit_code},
                          {"message", failure.message}};
  const OrderedJson document{
      {"format", "headscope-error"}, {"version", kJsonVersion}, {"error", error}};
  const std::string line =
      document.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace headscope
