#include "lib/generate/prefix_cache.h"

#include <algorithm>

namespace headscope {
namespace {

std::int64_t bytes_of(const KvCache& cache, std::int64_t layers) {
  std::int64_t bytes = 0;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const KvCache::Entry entry = cache.view(layer);
    bytes += static_cast<std::int64_t>(entry.k.nbytes() + entry.v.nbytes());
  }
  return bytes;
}

}  // namespace

std::optional<PrefixCache::Found> PrefixCache::find(const std::vector<std::int32_t>& tokens,
                                                    const std::string& change) {
  const std::lock_guard lock(mutex_);
  auto best = entries_.end();
  std::size_t shared = 0;
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->change != change || (!change.empty() && entry->tokens != tokens)) {
      continue;
    }
    const auto end =
        std::mismatch(tokens.begin(), tokens.end(), entry->tokens.begin(), entry->tokens.end());
    const auto alike = std::min<std::size_t>(static_cast<std::size_t>(end.first - tokens.begin()),
                                             tokens.size() - 1);
    if (alike > shared) {
      shared = alike;
      best = entry;
    }
  }
  if (best == entries_.end()) {
    return std::nullopt;
  }
  ++hits_;
  entries_.splice(entries_.begin(), entries_, best);
  const auto columns = static_cast<std::int64_t>(shared);
  return Found{.cache = best->cache.slice(columns), .columns = columns, .fired = best->fired};
}

void PrefixCache::keep(const std::vector<std::int32_t>& tokens,
                       const std::string& change,
                       const KvCache& cache,
                       std::vector<std::int64_t> fired) {
  const std::int64_t bytes = bytes_of(cache, cache.layers());
  const std::lock_guard lock(mutex_);
  if (bytes > bytes_) {
    return;
  }
  entries_.remove_if([&](const Entry& entry) {
    const bool covered = entry.change == change && entry.tokens == tokens;
    held_ -= covered ? entry.bytes : 0;
    return covered;
  });
  while (held_ + bytes > bytes_) {
    held_ -= entries_.back().bytes;
    entries_.pop_back();
  }
  entries_.push_front({.tokens = tokens,
                       .change = change,
                       .cache = cache.fork(),
                       .bytes = bytes,
                       .fired = std::move(fired)});
  held_ += bytes;
}

std::int64_t PrefixCache::bytes_held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::int64_t PrefixCache::hits() const {
  const std::lock_guard lock(mutex_);
  return hits_;
}

}  // namespace headscope
