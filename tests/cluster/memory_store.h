// A key store in this process, which counts what is asked and may kill who asks.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "analyses/cluster/key_store.h"

namespace headscope::test {

// What a kill -9 is in a test of one process: thrown out of an operation of the store, before or
// after its effect.
struct Killed {};

class MemoryStore final : public KeyStore {
 public:
  // Called before and after every operation.
  std::function<void()> before = [] {};
  std::function<void()> after = [] {};

  std::string get(const std::string& key) override {
    return operate([&] { return texts_[key]; });
  }
  void set(const std::string& key, const std::string& value) override {
    operate([&] { return texts_[key] = value; });
  }
  std::string compare_set(const std::string& key,
                          const std::string& expected,
                          const std::string& desired) override {
    return operate([&] {
      std::string& there = texts_[key];
      if (there == expected) {
        there = desired;
      }
      return there;
    });
  }

  std::int64_t operations = 0;

 private:
  template <typename Operation>
  std::string operate(const Operation& operation) {
    before();
    std::string result;
    {
      const std::lock_guard lock(mutex_);
      ++operations;
      result = operation();
    }
    after();
    return result;
  }

  std::mutex mutex_;
  std::unordered_map<std::string, std::string> texts_;
};

}  // namespace headscope::test
