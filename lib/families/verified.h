// How closely each family was seen to agree with the code it follows: measured by
// tests/families/parity_test.cpp, which fails where a figure here is exceeded or missing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headscope {

struct Verified {
  std::string family;
  std::string against;              // "transformers 5.23", or a definition written out
  std::vector<std::string> models;  // folders and files of data/fixtures/models
  // At most this far apart: max |ours − theirs| / max(1, max |theirs|) of logits, and of the hook
  // point that is farthest.
  double logits = 0.0;
  double hooks = 0.0;
};

// data/fixtures/models/verified.json, compiled in, in the order of all_families(); one line a
// family.
const std::vector<Verified>& verified_families();

// Null if nobody measured the family.
const Verified* find_verified(std::string_view family);

}  // namespace headscope
