// Catch2 v2 (Debian 12) and v3 (Ubuntu 24.04, Debian 13) under one include. Matchers of strings are
// named here, since the two versions keep them in different namespaces.
#pragma once

#include <string>

#define CATCH_CONFIG_ENABLE_ALL_STRINGMAKERS
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
inline auto contains(const std::string& text) {
  return Catch::Matchers::ContainsSubstring(text);
}
#else
#include <catch2/catch.hpp>
inline auto contains(const std::string& text) {
  return Catch::Matchers::Contains(text);
}
#endif

inline auto starts_with(const std::string& text) {
  return Catch::Matchers::StartsWith(text);
}
