#include "lib/base/hash.h"

#include <vector>

#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("hashes are XXH3-128 as xxhsum and Python's xxhash print it") {
  // xxhash.xxh3_128_hexdigest of the Python package xxhash 4.1.0
  CHECK(Hasher().digest() == "xxh3:99aa06d3014798d86001c324468d497f");
  CHECK(Hasher().update("headscope").digest() == "xxh3:a7b36e59ebe22a5436723bf9d341d870");
  const std::vector<std::uint8_t> zeros(100'000);
  CHECK(Hasher().update(zeros).digest() == "xxh3:e1f876364c6fec62315c72a64b7df4d2");
}

TEST_CASE("pieces hash as their whole, and a digest may be taken on the way") {
  Hasher pieces;
  pieces.update("head");
  const std::string part = pieces.digest();
  pieces.update("scope");
  CHECK(pieces.digest() == Hasher().update("headscope").digest());
  CHECK(part == Hasher().update("head").digest());
}
