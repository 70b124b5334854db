#include "lib/sae/sae_files.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

// The folder itself, or that of a file in it.
std::filesystem::path sae_folder(const std::filesystem::path& path) {
  const std::filesystem::path folder =
      !path_exists(path) || is_folder(path) ? path : path.parent_path();
  return folder.empty() ? "." : folder;
}

}  // namespace

const std::vector<SaeFormat>& sae_formats() {
  static const std::vector<SaeFormat> formats{
      {"SAELens", read_saelens, {"cfg.json", "sae_weights.safetensors"}},
      {"Gemma Scope", read_gemma_scope, {"params.npz"}},
      {"sparsify", read_sparsify, {"cfg.json", "sae.safetensors"}}};
  return formats;
}

std::vector<std::filesystem::path> sae_files_in(const std::filesystem::path& path) {
  const std::filesystem::path folder = sae_folder(path);
  std::vector<std::filesystem::path> found;
  for (const SaeFormat& format : sae_formats()) {
    for (const char* name : format.files) {
      const std::filesystem::path file = folder / name;
      if (path_exists(file) && std::find(found.begin(), found.end(), file) == found.end()) {
        found.push_back(file);
      }
    }
  }
  return found;
}

Sae read_sae(const std::filesystem::path& path) {
  if (!path_exists(path)) {
    throw DataError("{}: not there; give a folder with a sparse autoencoder", path.string());
  }
  const std::filesystem::path folder = sae_folder(path);
  std::string known;
  for (const SaeFormat& format : sae_formats()) {
    if (std::optional<Sae> sae = format.read(folder)) {
      return *sae;
    }
    known += (known.empty() ? "" : ", ") + std::string(format.name);
  }
  if (path_exists(folder / "ae.pt")) {
    throw DataError(
        "{}: a pickle of dictionary_learning, which runs code when it is read; load it there and "
        "save "
        "W_enc, W_dec, b_enc and b_dec as a SAELens directory",
        (folder / "ae.pt").string());
  }
  throw DataError(
      "{}: no sparse autoencoder of a format headscope reads ({})", path.string(), known);
}

}  // namespace headscope
