// What passes between forked_runs.cpp and forked_main.cpp: whole messages through a pipe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <unistd.h>

namespace headscope::test {

// False if the other side is gone.
inline bool read_all(int pipe, char* bytes, std::size_t n) {
  while (n > 0) {
    const ssize_t got = ::read(pipe, bytes, n);
    if (got <= 0) {
      return false;
    }
    bytes += got;
    n -= static_cast<std::size_t>(got);
  }
  return true;
}

inline bool write_all(int pipe, const char* bytes, std::size_t n) {
  while (n > 0) {
    const ssize_t put = ::write(pipe, bytes, n);
    if (put <= 0) {
      return false;
    }
    bytes += put;
    n -= static_cast<std::size_t>(put);
  }
  return true;
}

inline bool write_number(int pipe, std::int64_t number) {
  return write_all(pipe, reinterpret_cast<const char*>(&number), sizeof number);
}

inline bool read_number(int pipe, std::int64_t& number) {
  return read_all(pipe, reinterpret_cast<char*>(&number), sizeof number);
}

inline bool write_words(int pipe, const std::vector<std::string>& words) {
  bool sent = write_number(pipe, static_cast<std::int64_t>(words.size()));
  for (const std::string& word : words) {
    sent = sent && write_number(pipe, static_cast<std::int64_t>(word.size())) &&
           write_all(pipe, word.data(), word.size());
  }
  return sent;
}

inline bool read_words(int pipe, std::vector<std::string>& words) {
  std::int64_t n = 0;
  if (!read_number(pipe, n)) {
    return false;
  }
  words.assign(static_cast<std::size_t>(n), {});
  for (std::string& word : words) {
    if (!read_number(pipe, n)) {
      return false;
    }
    word.resize(static_cast<std::size_t>(n));
    if (!read_all(pipe, word.data(), word.size())) {
      return false;
    }
  }
  return true;
}

}  // namespace headscope::test
