// Each key is a file: a header of fixed size that says where its text lies, and the text. A text is
// written beside the one that counts, then the header, whose few bytes a kill cannot part.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>

#include "analyses/cluster/key_store.h"
#include "hooks/stored/posix_file.h"
#include "lib/base/error.h"

namespace headscope {
namespace {

struct TextPlace {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

class FolderStore final : public KeyStore {
 public:
  explicit FolderStore(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::error_code failed;
    std::filesystem::create_directories(folder_, failed);
    if (failed) {
      throw ResourceError(
          "{}: cannot make the folder in which ranks meet: {}", folder_.string(), failed.message());
    }
  }

  std::string get(const std::string& key) override { return text_of(locked(key, F_RDLCK)); }

  void set(const std::string& key, const std::string& value) override {
    put(locked(key, F_WRLCK), value);
  }

  std::string compare_set(const std::string& key,
                          const std::string& expected,
                          const std::string& desired) override {
    const PosixFile file = locked(key, F_WRLCK);
    std::string there = text_of(file);
    if (there != expected) {
      return there;
    }
    put(file, desired);
    return desired;
  }

 private:
  [[noreturn]] static void fail(const PosixFile& file) {
    throw ResourceError(
        "{}: ranks cannot meet here: {}; choose another folder, or meet by network "
        "(MASTER_ADDR and MASTER_PORT)",
        file.path().string(),
        std::strerror(errno));
  }

  // The lock makes network file systems ask the server for what others wrote; it goes with the
  // descriptor, also when the process is killed.
  [[nodiscard]] PosixFile locked(std::string key, short kind) const {
    for (char& c : key) {
      c = c == '/' ? '.' : c;
    }
    PosixFile file(folder_ / key, O_RDWR | O_CREAT);
    struct flock lock {};
    lock.l_type = kind;
    lock.l_whence = SEEK_SET;
    while (!file.valid() || ::fcntl(file.descriptor(), F_OFD_SETLKW, &lock) != 0) {
      if (!file.valid() || errno != EINTR) {
        fail(file);
      }
    }
    return file;
  }

  static TextPlace place_of(const PosixFile& file) {
    TextPlace at;
    if (file.size() < sizeof at) {
      return {};  // nothing was set yet
    }
    if (!file.read(0, &at, sizeof at)) {
      fail(file);
    }
    return at;
  }

  static std::string text_of(const PosixFile& file) {
    const TextPlace at = place_of(file);
    if (at.size > file.size()) {
      errno = EIO;
      fail(file);
    }
    std::string text(at.size, '\0');
    if (at.size > 0 && !file.read(at.offset, text.data(), text.size())) {
      fail(file);
    }
    return text;
  }

  static void put(const PosixFile& file, const std::string& text) {
    const TextPlace before = place_of(file);
    TextPlace at{sizeof at, text.size()};
    if (at.offset + at.size > before.offset) {
      at.offset = std::max<std::uint64_t>(before.offset + before.size, at.offset);
    }
    if (!file.write(at.offset, text.data(), text.size()) || !file.write(0, &at, sizeof at)) {
      fail(file);
    }
  }

  std::filesystem::path folder_;
};

}  // namespace

std::unique_ptr<KeyStore> meet_in_folder(const std::filesystem::path& folder) {
  return std::make_unique<FolderStore>(folder);
}

}  // namespace headscope
