// What `headscope reproduce` asks of a model, one name after the other.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analyses/studies/study_run.h"
#include "cli/reproduce/reproduce_options.h"
#include "cli/reproduce/reproduce_report.h"

namespace headscope {

// What was found of each kind, in the order asked for.
struct Found {
  std::vector<Reproduced> circuits;
  std::vector<HeadResult> heads;
  std::optional<ComponentReuse> reuse;
  std::vector<StudyAnswer> studies;
};

// Throws Interrupted; finished steps of studies are kept in the folder.
Found run_reproductions(const ReproduceArguments& options, const Model& model, std::uint64_t seed);

}  // namespace headscope
