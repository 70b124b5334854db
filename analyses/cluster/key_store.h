// Small texts by key that all ranks see: the only thing they share beside files. Free of Torch.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "analyses/cluster/place.h"

namespace headscope {

// Every operation is atomic, and its effect is seen by every later one of any rank. Any thread may
// call. All throw ResourceError if the store cannot be reached.
class KeyStore {
 public:
  virtual ~KeyStore() = default;

  // Empty if nothing was ever set.
  [[nodiscard]] virtual std::string get(const std::string& key) = 0;
  virtual void set(const std::string& key, const std::string& value) = 0;
  // Sets `desired` if what is there is `expected` (empty: nothing). Returns what is there then.
  virtual std::string compare_set(const std::string& key,
                                  const std::string& expected,
                                  const std::string& desired) = 0;
};

// LibTorch's c10d::TCPStore at the place where the ranks meet; rank 0 listens there unless the
// launcher does. `patience` in seconds: how long to wait for it to listen, and for an answer.
// Throws ResourceError naming host and port.
std::unique_ptr<KeyStore> meet_by_network(const RankPlace& place, double patience);

// A file a key in a folder that all ranks see; needs no network and no rank that stays alive. Keys
// are [a-z0-9/]. Not c10d::FileStore: that writes a record in four pieces, and a rank killed
// between two of them leaves a file on which every other one waits for ever.
std::unique_ptr<KeyStore> meet_in_folder(const std::filesystem::path& folder);

}  // namespace headscope
