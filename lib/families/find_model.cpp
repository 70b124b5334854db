#include <cstdlib>
#include <fstream>

#include "lib/base/error.h"
#include "lib/families/load.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSmolLm2 = "SmolLM2-135M-Instruct.Q4_1.gguf";

fs::path environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? fs::path() : fs::path(value);
}

fs::path user_cache() {
  const fs::path xdg = environment("XDG_CACHE_HOME");
  return xdg.empty() ? environment("HOME") / ".cache" : xdg;
}

fs::path hub_cache() {
  if (const fs::path hub = environment("HF_HUB_CACHE"); !hub.empty()) {
    return hub;
  }
  const fs::path home = environment("HF_HOME");
  return (home.empty() ? user_cache() / "huggingface" : home) / "hub";
}

// models--org--name/snapshots/<commit>, the commit refs/main names.
fs::path hub_snapshot(const std::string& id) {
  std::string folder = "models--" + id;
  for (std::size_t at = folder.find('/'); at != std::string::npos; at = folder.find('/', at)) {
    folder.replace(at, 1, "--");
  }
  const fs::path repo = hub_cache() / folder;
  std::string commit;
  std::ifstream(repo / "refs" / "main") >> commit;
  return commit.empty() ? fs::path() : repo / "snapshots" / commit;
}

}  // namespace

fs::path find_model(const std::string& name) {
  if (name == "smollm2") {
    const fs::path path = user_cache() / "headscope" / "models" / kSmolLm2;
    if (!fs::exists(path)) {
      throw DataError("smollm2: {} is missing; `make model` in the headscope checkout fetches it",
                      path.string());
    }
    return path;
  }
  if (fs::exists(name)) {
    return name;
  }
  if (name.empty() || name.front() == '/' || name.front() == '.') {
    throw DataError("{}: no such file or directory", name);
  }
  if (const fs::path snapshot = hub_snapshot(name); !snapshot.empty() && fs::exists(snapshot)) {
    return snapshot;
  }
  throw DataError(
      "{}: neither a path nor a model in the Hugging Face cache {}; `hf download {}` "
      "fetches a hub model, and `smollm2` is the default one",
      name,
      hub_cache().string(),
      name);
}

}  // namespace headscope
