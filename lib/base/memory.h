// How much memory there is, in bytes and in words.
#pragma once

#include <cstdint>
#include <string>

namespace headscope {

// What this process may still take without swapping: the kernel's MemAvailable, less where a cgroup
// allows less.
std::int64_t available_memory();

// The most this process has had resident so far, or since reset_peak_memory().
std::int64_t peak_memory();

// What this process has resident now.
std::int64_t resident_memory();

// From now on peak_memory() counts anew. Where the kernel does not allow that it goes on.
void reset_peak_memory();

std::string format_bytes(std::int64_t bytes);  // "1.5 GB"; powers of 1000

// "4GB", "4gb", "512 MB", "1.5GiB", "1000000" → bytes. UsageError for anything else.
std::int64_t parse_bytes(const std::string& text);

}  // namespace headscope
