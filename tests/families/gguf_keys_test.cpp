// GGUF metadata whose keys contradict each other, or leave out what llama.cpp has defaults for.
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/weights/file_bytes.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr std::size_t kEntries = 24;  // where metadata begin: after magic, version and two counts
constexpr std::uint32_t kFloat = 6, kString = 8;

// A GGUF file of tests/weights, altered; removed with the object.
class EditedGguf {
 public:
  explicit EditedGguf(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("headscope-keys-{}-{}", ::getpid(), name)),
        bytes_(read_file(fixture_directory() / "gguf" / name)) {}
  ~EditedGguf() { std::filesystem::remove(path_); }
  EditedGguf(const EditedGguf&) = delete;
  EditedGguf& operator=(const EditedGguf&) = delete;

  // Adds a key, and one without meaning that keeps the tensors where alignment wants them.
  EditedGguf& add(const std::string& key, std::uint32_t type, const std::string& value) {
    std::string added = gguf_string(key) + raw(type) + value;
    const std::string filler = gguf_string("general.filler") + raw(kString);
    const std::size_t length = added.size() + filler.size() + sizeof(std::uint64_t);
    added += filler + gguf_string(std::string((32 - length % 32) % 32, '.'));
    bytes_.insert(kEntries, added);
    bytes_[16] = static_cast<char>(bytes_[16] + 2);  // the low byte of how many entries there are
    return *this;
  }

  // Another value of a u32 that is there.
  EditedGguf& set(const std::string& key, std::uint32_t value) {
    const std::size_t at = bytes_.find(key);
    REQUIRE(at != std::string::npos);
    bytes_.replace(at + key.size() + 4, 4, raw(value));  // after the type
    return *this;
  }

  // As if the key were not there: the same length, of no architecture.
  EditedGguf& drop(const std::string& key) {
    const std::size_t at = bytes_.find(key);
    REQUIRE(at != std::string::npos);
    bytes_[at] = '_';
    return *this;
  }

  [[nodiscard]] std::string path() const {
    std::ofstream(path_, std::ios::binary) << bytes_;
    return path_.string();
  }

 private:
  std::filesystem::path path_;
  std::string bytes_;
};

void check_refused(const EditedGguf& file, std::initializer_list<const char*> words) {
  CHECK_THROWS_AS(load_model(file.path()), DataError);
  for (const char* word : words) {
    CHECK_THROWS_WITH(load_model(file.path()), contains(word));
  }
}

}  // namespace

TEST_CASE("rope_freqs.weight beside a linear factor is refused, naming both") {
  EditedGguf file("llama3_gqa_tied-f32.gguf");
  CHECK_NOTHROW(load_model(file.path()));
  file.add("llama.rope.scaling.factor", kFloat, raw(4.0F));
  check_refused(file, {"rope_freqs.weight", "rope.scaling.factor 4"});
}

TEST_CASE("a llama GGUF that turns a part of its heads is refused, naming the keys") {
  EditedGguf file("llama-f32.gguf");
  CHECK_NOTHROW(load_model(file.path()));
  file.set("llama.rope.dimension_count", 4);
  check_refused(file, {"llama.rope.dimension_count 4", "llama.attention.key_length"});
}

TEST_CASE("a GGUF without a count of KV heads has as many as heads, as in llama.cpp") {
  EditedGguf file("qwen3-f32.gguf");
  const ModelConfig config = summarize_model(file.path()).config;
  REQUIRE(config.n_kv_heads < config.n_heads);
  file.drop("qwen3.attention.head_count_kv");
  CHECK(summarize_model(file.path()).config.n_kv_heads == config.n_heads);
}

TEST_CASE("a GGUF factor of attention that no type of scaling explains is refused by its key") {
  EditedGguf file("llama_yarn-f32.gguf");
  CHECK(load_model(file.path()).config().ropes.front().scaling.kind == RopeScaling::Kind::yarn);
  file.add("llama.rope.scaling.attn_factor", kFloat, raw(1.5F));
  check_refused(file, {"llama.rope.scaling.attn_factor 1.5", "yarn"});
}

TEST_CASE("a GGUF scaling factor that is no number is refused by its file") {
  EditedGguf file("llama-f32.gguf");
  file.add("llama.rope.scaling.factor", kString, gguf_string("four"));
  check_refused(file, {"llama-f32.gguf", "rope.scaling.factor"});
}
