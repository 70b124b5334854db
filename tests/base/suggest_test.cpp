#include "lib/base/suggest.h"

#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("the edit distance counts insertions, deletions, substitutions and swaps") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("hook_z", "hook_zz") == 1);
  CHECK(edit_distance("patetrn", "pattern") == 1);
  CHECK(edit_distance("pttren", "pattern") == 2);
  CHECK(edit_distance("Hook_Z", "hook_z") == 0);
}

TEST_CASE("the nearest names come first and far ones not at all") {
  const std::vector<std::string> names{
      "blocks.3.attn.hook_q", "blocks.3.attn.hook_z", "blocks.3.attn.hook_pattern", "hook_embed"};
  CHECK(nearest("blocks.3.attn.hook_zz", names).front() == "blocks.3.attn.hook_z");
  CHECK(nearest("blocks.3.attn.hook_patern", names, 1) ==
        std::vector<std::string>{"blocks.3.attn.hook_pattern"});
  CHECK(nearest("something else entirely", names).empty());
  CHECK(nearest("q", {"z"}).empty());
}

TEST_CASE("did_you_mean reads as the end of a sentence") {
  CHECK(did_you_mean("hook_zz", {"hook_z"}) == "; did you mean hook_z?");
  CHECK(did_you_mean("ab1", {"ab2", "ab3", "ab4", "ab5"}) == "; did you mean ab2, ab3 or ab4?");
  CHECK(did_you_mean("xyzzy", {"hook_z"}).empty());
  CHECK(did_you_mean(std::string(2000000, 'a'), {"hook_z"}).empty());
}
