// The page of one or more reproductions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analyses/circuit/component_reuse.h"
#include "analyses/head_detectors/published.h"
#include "cli/render/report.h"
#include "cli/reproduce/reproduce_view.h"
#include "cli/reproduce/study_view.h"
#include "lib/model/model.h"

namespace headscope {

// One reproduction, as a section of any report.
void add_reproduction(Report& report, const Reproduced& result, const Model& model);

void write_reproduction_page(const std::filesystem::path& path,
                             const std::vector<Reproduced>& results,
                             const std::vector<HeadResult>& heads,
                             const std::optional<ComponentReuse>& reuse,
                             const std::vector<StudyAnswer>& studies,
                             const Model& model,
                             const std::string& footer);

}  // namespace headscope
