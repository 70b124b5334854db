// Keys and values of prompts that were run, for prompts that begin alike. Kept under the tokens and
// the change they ran under: what one change made is never another's.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/model/kv_cache.h"

namespace headscope {

// Safe to use from several threads.
class PrefixCache {
 public:
  // Holds at most `bytes` of keys and values; the least recently used go first.
  explicit PrefixCache(std::int64_t bytes) : bytes_(bytes) {}

  struct Found {
    KvCache cache;
    std::int64_t columns = 0;
    std::vector<std::int64_t> fired{};  // as keep() was told
  };
  // Keys and values of the longest prefix of `tokens` that is kept, shorter than `tokens` (the last
  // one is run again for its logits). `change` is StandingChange::hash(), or empty for none. Under
  // a change only a prompt of the same tokens counts: its edits may depend on where the prompt
  // ends.
  std::optional<Found> find(const std::vector<std::int32_t>& tokens, const std::string& change);

  // Keeps a copy of `cache`, which holds one row: these tokens. `fired`: how often each part of the
  // change did something to them (StandingChange::fired()).
  void keep(const std::vector<std::int32_t>& tokens,
            const std::string& change,
            const KvCache& cache,
            std::vector<std::int64_t> fired = {});

  [[nodiscard]] std::int64_t bytes_held() const;
  [[nodiscard]] std::int64_t hits() const;  // prompts that a prefix was found for

 private:
  struct Entry {
    std::vector<std::int32_t> tokens;
    std::string change;
    KvCache cache;
    std::int64_t bytes = 0;
    std::vector<std::int64_t> fired{};
  };
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the most recently used first
  std::int64_t bytes_;
  std::int64_t held_ = 0;
  std::int64_t hits_ = 0;
};

}  // namespace headscope
