// Random models as directories: what is written is what loads, whatever the family.
#include "lib/families/random_directory.h"

#include <cmath>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/families/load.h"
#include "lib/families/model_shapes.h"
#include "lib/tensor/ops.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/support/temp_folder.h"

using namespace headscope;
using namespace headscope::test;

namespace {

Json config_of(const FixtureModel& fixture) {
  return read_json(fixture.path / "config.json");
}

}  // namespace

TEST_CASE("a random model of any family's config loads") {
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    DYNAMIC_SECTION(fixture.name) {
      const TempFolder folder;
      const auto made = write_random_directory(
          folder.file("model"), {.config = config_of(fixture), .dtype = DType::f32, .seed = 3});
      const Model model = load_model(folder.file("model").string());
      CHECK(model.config().n_layers > 0);
      CHECK(made.bytes == 4 * made.parameters);
      const Tensor logits =
          model.forward(batch_of({prompt(read_tensors(fixture.expected), 0)})).logits;
      CHECK(logits.isfinite().all().item<bool>());
    }
  }
}

TEST_CASE("a random model is the same by seed, whatever the threads and files") {
  const TempFolder folder;
  const auto write = [&](const char* name, std::uint64_t seed, std::int64_t shard_bytes) {
    const auto made = write_random_directory(folder.file(name),
                                             {.config = config_of(huggingface_fixture("llama")),
                                              .dtype = DType::bf16,
                                              .seed = seed,
                                              .shard_bytes = shard_bytes});
    return made.files;
  };
  CHECK(write("one", 1, 1 << 30) == 1);
  const int threads = thread_count();
  set_thread_count(1);
  CHECK(write("again", 1, 1 << 30) == 1);
  set_thread_count(threads);
  CHECK(write("other", 2, 1 << 30) == 1);
  CHECK(write("shards", 1, 20000) > 1);
  const std::vector<std::uint8_t> one = file_bytes(folder.file("one/model.safetensors"));
  CHECK(one == file_bytes(folder.file("again/model.safetensors")));
  CHECK(one != file_bytes(folder.file("other/model.safetensors")));
  const Model whole = load_model(folder.file("one").string());
  const Model sharded = load_model(folder.file("shards").string());
  CHECK(whole.weights().W_E.equal(sharded.weights().W_E));
  CHECK(whole.weights().blocks[2].W_in.equal(sharded.weights().blocks[2].W_in));
  const Tensor drawn = whole.weights().W_E.flatten();
  CHECK(std::abs(drawn.std().item<double>() / 0.02 - 1) < 0.05);
  CHECK(std::abs(drawn.mean().item<double>()) < 0.001);
  CHECK((whole.weights().blocks[0].ln1.gain == 1).all().item<bool>());
  CHECK(!whole.weights().blocks[0].W_in.equal(whole.weights().blocks[1].W_in));
}

TEST_CASE("shapes have names, and a directory's own config is one") {
  for (const std::string& name : model_shape_names()) {
    CAPTURE(name);
    CHECK(read_model_config(shape_config(name), name).n_layers > 1);
  }
  CHECK(shape_config(huggingface_fixture("qwen3").path.string())["model_type"] == "qwen3");
  CHECK_THROWS_AS(shape_config("llama-9b"), UsageError);
  CHECK_THROWS_AS(write_random_directory("unused", {.config = Json::object()}), DataError);
}
