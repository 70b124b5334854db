// Sparse autoencoders in the formats people publish them in. Read: SAELens directories of every
// version, Gemma Scope's params.npz, sparsify. Written: SAELens.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "lib/sae/sae.h"

namespace headscope {

// `path`: a folder, or the file in it that holds the weights. What it is is told by what lies
// there. On the CPU in f32. Throws DataError naming the path: nothing of a known format, an
// architecture or a field that would change values and that headscope does not compute, tensors of
// wrong shapes.
Sae read_sae(const std::filesystem::path& path);

// cfg.json and sae_weights.safetensors (f32) as SAELens ≥ 6 reads them; batchtopk as jumprelu with
// its threshold. `log_sparsity` [d_sae] (log10 of how often each feature fires) goes into
// sparsity.safetensors. Throws UsageError for a transcoder with a skip connection, ResourceError if
// a file cannot be written.
void write_sae(const Sae& sae,
               const std::filesystem::path& folder,
               const std::vector<float>& log_sparsity = {});

// A format: gives nothing for a folder of another kind.
struct SaeFormat {
  std::string_view name;
  std::optional<Sae> (*read)(const std::filesystem::path& folder);
  std::vector<const char*> files;  // of the folder, that decide what it is
};
const std::vector<SaeFormat>& sae_formats();

// Those files of any format that lie at `path`, which is as read_sae() takes it: what is hashed to
// tell one autoencoder from another.
std::vector<std::filesystem::path> sae_files_in(const std::filesystem::path& path);

std::optional<Sae> read_saelens(const std::filesystem::path& folder);
std::optional<Sae> read_gemma_scope(const std::filesystem::path& folder);
std::optional<Sae> read_sparsify(const std::filesystem::path& folder);

}  // namespace headscope
