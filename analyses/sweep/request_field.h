// The values a request is made of, each by its name: one description that both the command line
// (--site z) and files of sweeps ({"site": "z"}) fill it by.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/json_fwd.h"
#include "lib/text/tokenizer.h"

namespace headscope {

struct RequestField {
  // The variable that it fills, which holds the default until then. A flag is true where it is
  // given; texts is a list.
  using Place =
      std::variant<std::string*, bool*, std::int64_t*, std::vector<std::string>*, PrependBos*>;
  enum class Need { optional, required };
  // one_a_mention: each value of a list after a mention of its own (--trace a --trace b); commas:
  // between values as well.
  enum class List { commas, one_a_mention };
  // A path is relative to the file of sweeps that names it. heads: heads by number, "23.3,23.0"; on
  // the command line also a file that holds some.
  enum class Kind { value, path, heads };

  std::string name;  // "site"
  Place place;
  std::string help;
  std::vector<std::string> choices = {};  // all that a text may be; empty: anything
  std::int64_t least = std::numeric_limits<std::int64_t>::min();  // of a number
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  std::string shown_default = {};  // in place of the variable's value
  std::string excludes = {};       // a field before it that cannot be given as well
  Need need = Need::optional;
  List list = List::commas;
  Kind kind = Kind::value;
};

using RequestFields = std::vector<RequestField>;

// Fills `field` from JSON: text from text, a number or a list (with commas between its elements); a
// flag from true or false; a number from a whole number. Throws UsageError naming the field for
// another type, a text that is no choice and a number out of range.
void fill(const RequestField& field, const OrderedJson& value);

// The words a shell would take for it: {"--site", "z"}; none for a flag that is false.
std::vector<std::string> words_of(const RequestField& field, const OrderedJson& value);

}  // namespace headscope
