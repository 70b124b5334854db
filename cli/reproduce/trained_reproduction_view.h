// A published result about trained models: its run, tables, JSON, a section of a page.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"

namespace headscope {

// Trains and measures what these names ask for, writes trained.json and index.html into `folder`
// (the models into `folder`/models) and shows the tables.
void run_trained_reproductions(const std::vector<std::string>& names,
                               const std::string& folder,
                               const Invocation& invocation);

}  // namespace headscope
