// Broken configs by the thousand: each gives a model config that check() accepts, or an error of
// ours; never a crash, a hang or a huge allocation.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <limits>
#include <random>

#include <fmt/format.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "lib/families/load.h"
#include "tests/support/catch.h"
#include "tests/support/fixture.h"
#include "tests/weights/file_bytes.h"

using namespace headscope;
using namespace headscope::test;

namespace {

constexpr int kMutants = 120;  // of each fixture
constexpr std::int64_t kMostMemory = 512'000'000;

class Mutations {
 public:
  explicit Mutations(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t count) {
    return count == 0 ? 0 : static_cast<std::size_t>(random_() % count);
  }
  template <typename Items>
  const auto& one_of(const Items& items) {
    return *std::next(std::begin(items), static_cast<std::ptrdiff_t>(below(std::size(items))));
  }

 private:
  std::mt19937_64 random_;
};

// Values that readers get wrong.
const std::vector<Json> kValues{nullptr,
                                true,
                                false,
                                "NaN",
                                "",
                                "full_attention",
                                0,
                                1,
                                -1,
                                3,
                                65536,
                                65537,
                                std::int64_t{1} << 31,
                                (std::int64_t{1} << 31) + 1,
                                std::int64_t{1} << 53,
                                std::numeric_limits<std::int64_t>::max(),
                                std::numeric_limits<std::int64_t>::min(),
                                std::numeric_limits<std::uint64_t>::max(),
                                0.0,
                                -0.0,
                                0.5,
                                -2.5,
                                1e-320,
                                1e-50,
                                1e50,
                                -1e308,
                                Json::array(),
                                Json::object(),
                                Json::array({1, 2}),
                                Json{{"rope_type", "linear"}, {"factor", -1}},
                                Json{{"rope_type", "llama3"}, {"factor", 1e308}},
                                Json{{"type", "linear"}, {"factor", 1e-300}, {"rope_theta", 0}},
                                Json{{"full_attention", Json::object()}},
                                Json{{"partial_rotary_factor", 1e300}}};

// Keys that some family reads, so that a config gets those of others too.
const std::vector<const char*> kKeys{"rope_scaling",
                                     "rope_parameters",
                                     "rope_theta",
                                     "rope_divisors",
                                     "rope_dim",
                                     "rotary_pct",
                                     "partial_rotary_factor",
                                     "layer_types",
                                     "sliding_window",
                                     "sliding_window_pattern",
                                     "max_window_layers",
                                     "use_sliding_window",
                                     "head_dim",
                                     "n_inner",
                                     "query_pre_attn_scalar",
                                     "text_config",
                                     "architectures",
                                     "num_key_value_heads"};

void edit(Json& config, Mutations& random) {
  const Json flat = config.flatten();
  if (flat.empty()) {
    return;
  }
  Json::json_pointer place(
      std::next(flat.begin(), static_cast<std::ptrdiff_t>(random.below(flat.size()))).key());
  while (random.below(4) == 0 && !place.parent_pointer().empty()) {
    place.pop_back();  // the object or list that holds it
  }
  Json& value = config[place];
  switch (random.below(6)) {
    case 0:
      if (config[place.parent_pointer()].is_object()) {
        config[place.parent_pointer()].erase(place.back());
      }
      break;
    case 1:
      value = value.is_number() ? Json(value.get<double>() * -1) : random.one_of(kValues);
      break;
    case 2:
      value =
          value.is_number_integer()
              ? Json(static_cast<std::int64_t>(value.get<std::uint64_t>() + 1 - random.below(3)))
              : random.one_of(kValues);
      break;
    case 3:
      config[random.one_of(kKeys)] = random.one_of(kValues);
      break;
    default:
      value = random.one_of(kValues);
  }
}

// What no JSON value is: cut short, a byte changed, a number spelled as JSON may not.
std::string edited_text(std::string text, Mutations& random) {
  const std::size_t at = random.below(text.size());
  switch (random.below(12)) {
    case 0:
      return text.substr(0, at);
    case 1:
      text[at] = static_cast<char>(random.below(256));
      return text;
    case 2: {
      const std::size_t digit = text.find_first_of("0123456789", at);
      const char* const spelled[] = {"NaN", "-Infinity", "1e999", "-1e999", "0x10", "1e", "00"};
      return digit == std::string::npos ? text : text.replace(digit, 1, random.one_of(spelled));
    }
    default:
      return text;
  }
}

struct Tally {
  int accepted = 0;
  int refused = 0;
};

// Opens the model as load_model does, weights apart.
void try_config(const std::filesystem::path& path, Tally& tally) {
  const auto start = std::chrono::steady_clock::now();
  try {
    const ModelSummary summary = summarize_model(path.string());
    CHECK_NOTHROW(check(summary.config));
    CHECK(weight_bytes(summary.config, DType::f32) > 0);
    ++tally.accepted;
  } catch (const Error& error) {
    REQUIRE(dynamic_cast<const InternalError*>(&error) == nullptr);
    REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
    ++tally.refused;
  }
  REQUIRE(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
}

struct OwnFolder {
  OwnFolder() { std::filesystem::create_directories(path); }
  ~OwnFolder() { std::filesystem::remove_all(path); }
  OwnFolder(const OwnFolder&) = delete;
  OwnFolder& operator=(const OwnFolder&) = delete;
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / fmt::format("headscope-mutants-{}", ::getpid());
};

// Puts another value behind a metadata key of the architecture, or another type before it.
std::string edited_gguf(std::string bytes, const std::string& prefix, Mutations& random) {
  static const std::vector<std::uint32_t> kBits{0,
                                                1,
                                                2,
                                                0x7fffffff,
                                                0x80000000,
                                                0xffffffff,
                                                0x7fc00000,
                                                0x7f800000,
                                                0xff800000,
                                                0xbf800000,
                                                0x00000001,
                                                65537};
  std::vector<std::size_t> keys;
  for (std::size_t at = bytes.find(prefix); at != std::string::npos;
       at = bytes.find(prefix, at + 1)) {
    keys.push_back(at);
  }
  for (std::size_t edits = 1 + random.below(3); edits > 0; --edits) {
    const std::size_t key = random.one_of(keys);
    std::uint64_t length = 0;
    std::copy_n(
        bytes.data() + key - sizeof length, sizeof length, reinterpret_cast<char*>(&length));
    const std::size_t value = key + length + sizeof(std::uint32_t);
    switch (random.below(4)) {
      case 0:
        bytes[key] = '_';  // another architecture's: as if it were not there
        break;
      case 1: {
        const std::uint32_t other[] = {4, 5, 6};  // u32, i32, f32: of one size
        bytes.replace(value - 4, 4, raw(random.one_of(other)));
        break;
      }
      default:
        bytes.replace(value, 4, raw(random.one_of(kBits)));
    }
  }
  return bytes;
}

}  // namespace

TEST_CASE("a config.json edited at random is a valid config or refused") {
  const OwnFolder folder;
  const std::int64_t before = peak_memory();
  Mutations random(8);
  Tally tally;
  for (const FixtureModel& fixture : huggingface_fixtures()) {
    const Json good = read_json(fixture.path / "config.json");
    for (int mutant = 0; mutant < kMutants; ++mutant) {
      Json config = good;
      for (std::size_t edits = 1 + random.below(3); edits > 0; --edits) {
        edit(config, random);
      }
      const std::string text = edited_text(config.dump(), random);
      INFO(fixture.name << " " << mutant << ": " << text);
      std::ofstream(folder.path / "config.json", std::ios::binary) << text;
      try_config(folder.path, tally);
    }
  }
  CHECK(tally.accepted > 100);
  CHECK(tally.refused > 500);
  CHECK(peak_memory() - before < kMostMemory);
}

TEST_CASE("GGUF metadata edited at random are a valid config or refused") {
  const OwnFolder folder;
  const std::int64_t before = peak_memory();
  Mutations random(9);
  Tally tally;
  for (const FixtureModel& fixture : gguf_fixtures()) {
    const std::string good = read_file(fixture.path);
    const std::string prefix = summarize_model(fixture.path.string()).config.architecture + ".";
    for (int mutant = 0; mutant < kMutants / 2; ++mutant) {
      INFO(fixture.name << " " << mutant);
      const std::filesystem::path path = folder.path / "m.gguf";
      std::ofstream(path, std::ios::binary) << edited_gguf(good, prefix, random);
      try_config(path, tally);
    }
  }
  CHECK(tally.accepted > 50);
  CHECK(tally.refused > 300);
  CHECK(peak_memory() - before < kMostMemory);
}
