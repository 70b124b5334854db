// Two results compared, as people and programs see it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "analyses/attribution/compare_results.h"
#include "lib/base/json_fwd.h"

namespace headscope {

// Where the two are from, as named by the user.
struct ComparedNames {
  std::string a;
  std::string b;
};

std::string compared_text(const ComparedResults& found,
                          const ComparedNames& names,
                          std::size_t top);

// {"format": "headscope-compared-results", "version": 1, …, "cells": [{"a", "b", "change"…}]}.
OrderedJson compared_json(const ComparedResults& found, const ComparedNames& names);

// The map of b − a over the first two axes, as a picture whose format is the file's ending (.png,
// .svg, .pdf). Throws UsageError for another ending and for results over more axes.
void write_compared_map(const ComparedResults& found,
                        const ComparedNames& names,
                        const std::filesystem::path& path);

}  // namespace headscope
