// A file descriptor that closes itself, and whole reads and writes at offsets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include <sys/uio.h>

namespace headscope {

class PosixFile {
 public:
  PosixFile() = default;
  // open(2) with O_CLOEXEC; check valid(), errno says why not.
  PosixFile(const std::filesystem::path& path, int flags);
  PosixFile(PosixFile&& other) noexcept;
  PosixFile& operator=(PosixFile&& other) noexcept;
  ~PosixFile();

  [[nodiscard]] bool valid() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  void renamed(const std::filesystem::path& path) { path_ = path; }

  // False if the file ends first or reading fails (errno; 0 at the end of the file).
  [[nodiscard]] bool read(std::uint64_t offset, void* to, std::size_t size) const;
  // The same bytes, one piece after another, each to where it says: no copy but the kernel's. At
  // most IOV_MAX (1,024) pieces, none empty.
  [[nodiscard]] bool read_scattered(std::uint64_t offset, std::vector<iovec> pieces) const;
  // False on failure, errno says why. Retries short writes and interruptions.
  [[nodiscard]] bool write(std::uint64_t offset, const void* from, std::size_t size) const;

  [[nodiscard]] std::uint64_t size() const;
  // True if the path still names this very file (not one renamed over it).
  [[nodiscard]] bool is_at_path() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

// Takes the exclusive lock of a writer, without waiting; false if another holds it. An open file
// description lock: it goes when the descriptor is closed or the process dies, and does not meet
// the flock() of HDF5, so that others may read meanwhile.
bool lock_exclusively(const PosixFile& file);

// Lets the disk begin with a part of the file that was written, without waiting for it: what a
// later fsync(2) waits for is then little. A hint: where it is not known nothing happens.
void start_writeback(const PosixFile& file, std::uint64_t offset, std::uint64_t size);

// Lets the disk begin to read a part of the file, without waiting for it. A hint too.
void start_reading(const PosixFile& file, std::uint64_t offset, std::uint64_t size);

// Makes the renaming of a file in `folder` last through a power failure.
void sync_folder(const std::filesystem::path& folder);

}  // namespace headscope
