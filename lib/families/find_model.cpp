#include <fstream>

#include "lib/base/environment.h"
#include "lib/base/error.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"
#include "lib/weights/gguf.h"

namespace headscope {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSmolLm2 = "SmolLM2-135M-Instruct.Q4_1.gguf";

fs::path user_cache() {
  const fs::path xdg = environment_path("XDG_CACHE_HOME");
  return xdg.empty() ? home_folder() / ".cache" : xdg;
}

// As huggingface_hub looks for it (constants.py of version 1): HUGGINGFACE_HUB_CACHE is its older
// name of HF_HUB_CACHE.
fs::path hub_cache() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const fs::path hub = environment_path(name); !hub.empty()) {
      return hub;
    }
  }
  const fs::path home = environment_path("HF_HOME");
  return (home.empty() ? user_cache() / "huggingface" : home) / "hub";
}

// models--org--name/snapshots/<commit>, the commit refs/main names.
fs::path hub_snapshot(const std::string& id) {
  std::string folder = "models--" + id;
  for (std::size_t at = folder.find('/'); at != std::string::npos; at = folder.find('/', at)) {
    folder.replace(at, 1, "--");
  }
  const fs::path main = hub_cache() / folder / "refs" / "main";
  std::string commit;
  if (path_exists(main)) {  // a folder that may not be looked into is an error, not an absence
    std::ifstream(main) >> commit;
  }
  return commit.empty() ? fs::path() : main.parent_path().parent_path() / "snapshots" / commit;
}

// What fetches the default model: the script that an installed program brings, else `make model`.
std::string default_model_fetch() {
  std::error_code unknown;  // without /proc, the checkout is named
  const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
  const fs::path script =
      program.parent_path().parent_path() / "lib" / "headscope" / "setup" / "model";
  return !unknown && fs::exists(script, unknown) ? script.string()
                                                 : "`make model` in the headscope checkout";
}

// A folder of a split GGUF file stands for its first part.
fs::path model_in(const fs::path& directory) {
  const fs::path part =
      path_exists(directory / "config.json") ? fs::path() : find_first_gguf_part(directory);
  return part.empty() ? directory : part;
}

}  // namespace

fs::path find_model(const std::string& name) {
  if (name == "smollm2") {
    const fs::path path = user_cache() / "headscope" / "models" / kSmolLm2;
    if (!path_exists(path)) {
      throw DataError(
          "smollm2: {} is missing; {} fetches it", path.string(), default_model_fetch());
    }
    return path;
  }
  if (path_exists(name)) {
    return is_folder(name) ? model_in(name) : fs::path(name);
  }
  if (name.empty() || name.front() == '/' || name.front() == '.') {
    throw DataError("{}: no such file or directory", name);
  }
  if (const fs::path snapshot = hub_snapshot(name); !snapshot.empty() && path_exists(snapshot)) {
    return model_in(snapshot);
  }
  throw DataError(
      "{}: neither a path nor a model in the Hugging Face cache {}; `hf download {}` "
      "fetches a hub model, and `smollm2` is the default one",
      name,
      hub_cache().string(),
      name);
}

}  // namespace headscope
