// The arrays of NumPy's .npz format: a zip archive of .npy files, as numpy.savez() writes it
// (uncompressed). https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "lib/weights/npy.h"

namespace headscope {

// The files of a zip archive that are stored as they are, by name; the bytes are the archive's.
// `where` opens messages. Throws DataError for what is no whole archive, and for compressed files.
std::map<std::string, std::span<const std::uint8_t>> stored_zip_files(
    std::span<const std::uint8_t> archive, const std::string& where);

// By name without ".npy". Throws what stored_zip_files() and read_npy() do.
std::map<std::string, NpyArray> read_npz(const std::filesystem::path& path);

}  // namespace headscope
