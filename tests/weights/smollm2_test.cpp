// The default model itself, where it has been fetched.
#include "lib/base/hash.h"
#include "lib/weights/gguf.h"
#include "tests/support/cached_model.h"
#include "tests/support/catch.h"

using namespace headscope;

TEST_CASE("SmolLM2 de-quantises to the gguf package's values") {
  const GgufFile file(test::cached_model());
  CHECK(file.tensors().size() == 272);
  CHECK(file.metadata()["tokenizer.ggml.tokens"].size() == 49152);
  Hasher hasher;
  std::vector<float> values;
  for (const StoredTensor& tensor : file.tensors()) {
    values.resize(static_cast<std::size_t>(tensor.rows() * tensor.row_length()));
    file.read_rows(tensor, 0, tensor.rows(), DType::f32, values.data());
    hasher.update({reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4});
  }
  // xxhash.xxh3_128 of gguf 0.19.0's dequantize() of every tensor in the file's order.
  CHECK(hasher.digest() == "xxh3:cf38caba3a20a1c4ea43e2dc8ec4b59e");
}
