// What a study found: tables, curves, JSON, a section of a page.
#pragma once

#include <string>

#include "analyses/studies/study.h"
#include "cli/render/report.h"
#include "lib/base/json_fwd.h"

namespace headscope {

struct StudyAnswer {
  const Study* what = nullptr;
  StudyResult result;
};

std::string study_text(const StudyAnswer& answer);
OrderedJson study_json(const StudyAnswer& answer);
void add_study(Report& report, const StudyAnswer& answer);

}  // namespace headscope
