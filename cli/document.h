// The documents that --json prints: what each is, and those of failures.
#pragma once

#include <string_view>

#include "cli/exit_code.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// From now on documents are of this verb, "sae train": a run of the program is of one.
void set_document_verb(std::string_view verb);

// The object with "format": "headscope-sae-train" and "version" before what it says; one that has a
// format of its own (a file's, told by `inspect`) as it is.
OrderedJson named_document(const OrderedJson& json);

// A failure as --json tells it: a line of JSON on standard error, {"format": "headscope-error", …}.
void print_error_document(const Failure& failure);

}  // namespace headscope
