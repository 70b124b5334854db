// Tokenizers of whole words.
#include "lib/text/word_level.h"

#include "lib/base/error.h"
#include "lib/text/tokenizer.h"
#include "tests/support/catch.h"
#include "tests/weights/temporary_directory.h"

using namespace headscope;

TEST_CASE("a word that is none of the vocabulary's is no single token, and cannot be encoded") {
  const TemporaryDirectory folder;
  for (const auto& [name, text] : word_level_files({"<s>", "one", "two"})) {
    folder.write(name, text);
  }
  const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
  CHECK(tokenizer.single(" two") == 2);
  CHECK(tokenizer.single("three") == std::nullopt);
  CHECK(tokenizer.single("one two") == std::nullopt);
  CHECK_THROWS_AS(tokenizer.encode("one three"), UsageError);
}
