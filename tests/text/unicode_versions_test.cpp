// Hugging Face's parts have tables of several Unicode versions, older and newer than ours: what a
// character is follows the table that each part has. The ids are those of tokenizers 0.23.3.
#include "lib/text/tokenizer.h"
#include "tests/support/catch.h"
#include "tests/text/fixtures.h"

using namespace headscope;

namespace {

using Ids = std::vector<TokenId>;

Ids ids_of(const char* fixture, const char* text) {
  return Tokenizer::from_directory(fixtures::folder() / fixture).encode(text);
}

}  // namespace

TEST_CASE("a mark that is new in Unicode 16 belongs to the grapheme before it") {
  // U+0301 behind e is mapped with it, unless a mark makes the grapheme too long for that.
  CHECK(ids_of("t5", "e\xCC\x81\xE0\xA2\x97") == Ids{458, 86, 0, 555});
  CHECK(ids_of("t5", "e\xCC\x81") == Ids{3, 77, 555});
}

TEST_CASE("what was punctuation in Unicode 8 and is a mark or a symbol now still cuts words") {
  CHECK(ids_of("bert",
               "a\xF0\x91\x87\x89"
               "b") == Ids{2, 5, 1, 15, 3});
  CHECK(ids_of("bert",
               "a\xE1\x99\xAD"
               "b") == Ids{2, 5, 1, 15, 3});
}
