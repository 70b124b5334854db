// What the training of autoencoders looked like: a page of curves.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analyses/sae/sae_train_run.h"
#include "cli/render/dot_chart.h"

namespace headscope {

// Loss, L0, FVU and dead features over the steps that the log has, each of its batch.
DotChart sae_curves(const SaeTrained& sae);

// index.html of the run's folder: a chart for each autoencoder. check_page_output() says beforehand
// whether it may stand there.
void write_sae_train_page(const std::filesystem::path& folder,
                          const std::vector<SaeTrained>& saes,
                          const std::string& footer);

}  // namespace headscope
