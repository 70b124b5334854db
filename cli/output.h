// What verbs print.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/verb.h"
#include "lib/base/json_fwd.h"

namespace headscope {

void print(std::string_view text);
void print_json(const OrderedJson& json);

// A result as the user asked for it: the JSON under --json, else the text.
void show(const Invocation& invocation, const OrderedJson& json, const std::string& text);

// A line on standard error beside the result.
void print_note(const std::string& text);

// Flushes; ResourceError if standard output took less than was printed.
void finish_output();

// "name   value" lines, values aligned. An empty value is left out.
std::string facts(const std::vector<std::pair<std::string, std::string>>& lines);

// 134,515,008
std::string grouped(std::int64_t number);

}  // namespace headscope
