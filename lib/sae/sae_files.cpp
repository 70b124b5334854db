#include "lib/sae/sae_files.h"

#include "lib/base/error.h"
#include "lib/base/paths.h"

namespace headscope {

const std::vector<SaeFormat>& sae_formats() {
  static const std::vector<SaeFormat> formats{
      {"SAELens", read_saelens}, {"Gemma Scope", read_gemma_scope}, {"sparsify", read_sparsify}};
  return formats;
}

Sae read_sae(const std::filesystem::path& path) {
  if (!path_exists(path)) {
    throw DataError("{}: not there; give a folder with a sparse autoencoder", path.string());
  }
  const std::filesystem::path folder = is_folder(path) ? path : path.parent_path();
  std::string known;
  for (const SaeFormat& format : sae_formats()) {
    if (std::optional<Sae> sae = format.read(folder.empty() ? "." : folder)) {
      return *sae;
    }
    known += (known.empty() ? "" : ", ") + std::string(format.name);
  }
  throw DataError(
      "{}: no sparse autoencoder of a format headscope reads ({})", path.string(), known);
}

}  // namespace headscope
