// What training looked like: the curve of its loss, a page.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analyses/training/train_run.h"
#include "cli/render/dot_chart.h"
#include "cli/render/table.h"

namespace headscope {

// The loss over the steps, and below it that of each group and its accuracy.
DotChart loss_chart(const std::string& title, const std::vector<TrainLine>& log);

// The last line of the log: loss and accuracy of each group.
Table last_losses(const TrainLine& line);

// index.html of a trained model's folder.
void write_train_page(const std::filesystem::path& folder,
                      const TrainSpec& spec,
                      const std::vector<TrainLine>& log,
                      const std::string& footer);

}  // namespace headscope
