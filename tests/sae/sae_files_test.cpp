// Sparse autoencoders in files, against what the sae-lens Python package computes of them.
#include "lib/sae/sae_files.h"

#include <fstream>

#include "lib/base/error.h"
#include "lib/tensor/convert.h"
#include "lib/tensor/ops.h"
#include "lib/weights/write_safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/temp_folder.h"
#include "tests/support/tensors.h"

using namespace headscope;
using namespace headscope::test;

namespace {

std::filesystem::path sae_fixture(const std::string& name) {
  return std::filesystem::path(HEADSCOPE_SOURCE_DIR) / "data/fixtures/sae" / name;
}

std::vector<std::string> sae_fixtures() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(sae_fixture(""))) {
    if (entry.is_directory()) {
      names.push_back(entry.path().filename().string());
    }
  }
  return names;
}

void check_sae_values(const Sae& sae, const Tensors& expected) {
  const Tensor x = expected.at("x");
  const SaeCodes codes = sae.encode(x);
  CHECK(difference(codes.dense(), expected.at("codes")) < 1e-5);
  CHECK(difference(sae.reconstruct(x), expected.at("out")) < 1e-5);
  if (!sae.weights().W_skip.defined()) {
    CHECK(difference(sae.decode(codes), expected.at("out")) < 1e-5);
    CHECK(difference(sae.decode_dense(codes.dense(), codes), expected.at("out")) < 1e-5);
  }
}

void put_sae_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

Json sae_config_json(const std::string& fixture) {
  return read_json(sae_fixture(fixture) / "cfg.json");
}

// A copy of a fixture with another cfg.json.
std::filesystem::path with_sae_config(const TempFolder& folder,
                                      const std::string& fixture,
                                      const Json& config) {
  const auto copy = folder.file(fixture);
  std::filesystem::remove_all(copy);
  std::filesystem::copy(sae_fixture(fixture), copy);
  put_sae_text(copy / "cfg.json", config.dump());
  return copy;
}

}  // namespace

TEST_CASE("SAELens directories of every architecture and version have the package's values") {
  const std::vector<std::string> names = sae_fixtures();
  REQUIRE(names.size() == 16);
  for (const std::string& name : names) {
    INFO(name);
    const Sae sae = read_sae(sae_fixture(name));
    CHECK(sae.config().hook == "blocks.1.attn.hook_z");
    CHECK(sae.config().model == "tiny");
    check_sae_values(sae, read_tensors(sae_fixture(name) / "expected.safetensors"));
  }
}

TEST_CASE("what is written is read again with the same values") {
  for (const std::string& name : sae_fixtures()) {
    INFO(name);
    const TempFolder folder;
    const Sae sae = read_sae(sae_fixture(name));
    if (sae.weights().W_skip.defined()) {
      CHECK_THROWS_AS(write_sae(sae, folder.file("sae")), UsageError);
      continue;
    }
    write_sae(sae, folder.file("sae"), std::vector<float>(32, -2.0f));
    check_sae_values(read_sae(folder.file("sae")),
                     read_tensors(sae_fixture(name) / "expected.safetensors"));
    CHECK(read_tensors(folder.file("sae") / "sparsity.safetensors").at("sparsity").numel() == 32);
  }
}

TEST_CASE("a batch-top-k autoencoder is written as jump-ReLU") {
  const Sae read = read_sae(sae_fixture("batchtopk"));
  SaeConfig config = read.config();
  CHECK(config.arch == SaeArch::jumprelu);
  config.arch = SaeArch::batchtopk;
  const TempFolder folder;
  write_sae(Sae(config, read.weights(), "test"), folder.file("sae"));
  CHECK(read_json(folder.file("sae") / "cfg.json").at("architecture") == "jumprelu");
}

TEST_CASE("negative thresholds let nothing negative through") {
  Sae read = read_sae(sae_fixture("jumprelu"));
  SaeWeights weights = read.weights();
  weights.threshold = at::full({32}, -1.0, at::kFloat);
  const Tensor codes =
      Sae(read.config(), weights, "test").encode(at::ones({3, 12}, at::kFloat)).dense();
  CHECK((codes >= 0).all().item<bool>());
}

TEST_CASE("what headscope does not compute, or is damaged, is one clear error") {
  const TempFolder folder;
  Json config = sae_config_json("standard");
  const auto refused = [&](const char* key, const Json& value, const std::string& word) {
    Json changed = config;
    changed[key] = value;
    CHECK_THROWS_WITH(read_sae(with_sae_config(folder, "standard", changed)), contains(word));
    CHECK_THROWS_AS(read_sae(with_sae_config(folder, "standard", changed)), DataError);
  };
  refused("architecture", "matching_pursuit", "matching_pursuit");
  refused("normalize_activations", "covariance_whitening", "covariance_whitening");
  refused("activation_fn", "tanh-relu", "tanh-relu");
  refused("d_sae", 31, "W_enc is [12, 32]");
  refused("d_in", "twelve", "d_in");
  refused("architecture", "jumprelu", "threshold");
  CHECK_THROWS_AS(read_sae(folder.file("nothing")), DataError);
  std::filesystem::create_directories(folder.file("empty"));
  CHECK_THROWS_WITH(read_sae(folder.file("empty")), contains("SAELens"));
}

TEST_CASE("rows of another width are refused, naming both") {
  const Sae sae = read_sae(sae_fixture("standard"));
  CHECK_THROWS_WITH(sae.encode(at::zeros({2, 11}, at::kFloat)), contains("12"));
  CHECK_THROWS_AS(sae.rows_of(at::zeros({1, 2, 4, 5}, at::kFloat)), UsageError);
  CHECK(sae.rows_of(at::zeros({1, 2, 3, 4}, at::kFloat)).size(1) == 12);
}

TEST_CASE("sparsify folders are read") {
  const TempFolder folder;
  const Sae sae = read_sae(sae_fixture("topk"));
  const SaeWeights& w = sae.weights();
  const auto path = folder.file("layers.3");
  put_sae_text(path / "cfg.json", R"({"k": 5, "num_latents": 32, "d_in": 12, "signed": false})");
  put_sae_text(path / "sae.safetensors",
               safetensors_bytes({{"encoder.weight", {32, 12}, to_floats(w.W_enc.t())},
                                  {"encoder.bias", {32}, to_floats(w.b_enc)},
                                  {"W_dec", {32, 12}, to_floats(w.W_dec)},
                                  {"b_dec", {12}, to_floats(w.b_dec)}}));
  const Sae read = read_sae(path);
  CHECK(read.config().hook == "blocks.3.hook_resid_post");
  check_sae_values(read, read_tensors(sae_fixture("topk") / "expected.safetensors"));
  put_sae_text(path / "cfg.json", R"({"k": 5, "activation": "groupmax"})");
  CHECK_THROWS_WITH(read_sae(path), contains("groupmax"));
}

TEST_CASE("a pickle of dictionary_learning is refused, saying what to do") {
  const TempFolder folder;
  std::ofstream(folder.file("ae.pt")) << "PK";
  CHECK_THROWS_WITH(read_sae(folder.file("ae.pt")),
                    contains("ae.pt: a pickle of dictionary_learning"));
}
