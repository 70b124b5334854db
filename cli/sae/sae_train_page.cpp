#include "cli/sae/sae_train_page.h"

#include "cli/render/report.h"

namespace headscope {

DotChart sae_curves(const SaeTrained& sae) {
  DotChart chart{.title = sae.site,
                 .subtitle = sae.name,
                 .x_axis = "step",
                 .panels = {{.y_axis = "loss", .dots = {}, .scale = DotChart::Scale::log},
                            {.y_axis = "L0", .dots = {}},
                            {.y_axis = "FVU", .dots = {}},
                            {.y_axis = "dead", .dots = {}}}};
  for (const SaeTrainState& state : sae.log) {
    const double values[] = {state.loss, state.l0, state.fvu, static_cast<double>(state.dead)};
    for (std::size_t panel = 0; panel < chart.panels.size(); ++panel) {
      chart.panels[panel].dots.push_back(
          {.x = static_cast<double>(state.step), .y = values[panel]});
    }
  }
  return chart;
}

void write_sae_train_page(const std::filesystem::path& folder,
                          const std::vector<SaeTrained>& saes,
                          const std::string& footer) {
  Report report({.title = "Training of sparse autoencoders",
                 .subtitle = "each step's batch, before the step is taken",
                 .footer = footer});
  for (const SaeTrained& sae : saes) {
    report.figure(
        to_svg(sae_curves(sae)),
        "L0: codes a row that are not 0. FVU: what of the batch's variance is left. Dead: "
        "features that have not fired for --dead-after rows.");
  }
  report.write(folder / "index.html");
}

}  // namespace headscope
