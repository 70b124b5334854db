// headscope sae attach.
#include <filesystem>

#include "cli/output.h"
#include "cli/sae/sae_options.h"
#include "hooks/intervention_json.h"
#include "hooks/intervention_plan.h"
#include "hooks/intervention_words.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/output_file.h"
#include "lib/base/paths.h"
#include "lib/families/load.h"

namespace headscope {

void sae_attach(const SaeOptions& options, const Invocation& invocation) {
  check_output_file(options.out);
  const Sae sae = read_sae_of(options);
  if (sae.config().hook.empty()) {
    throw UsageError("{}: its file names no hook point; give --site", options.sae);
  }
  Intervention what{.site = sae.config().hook, .op = Op::sae};
  what.sae = SaeChange{.folder = std::filesystem::absolute(options.sae),
                       .features = options.features,
                       .act = parse_sae_do(options.act),
                       .value = options.value,
                       .error_term = !options.no_error_term};
  const Model model = load_model(options.words.front(), load_options(invocation.common));
  const InterventionPlan plan = plan_of({what}, model);
  const OrderedJson document = to_json({what});
  write_file(options.out, document.dump(2) + "\n");
  show(invocation,
       {{"path", options.out}, {"interventions", document["interventions"]}},
       facts({{"written", options.out}, {"does", in_words(plan).front().does}}));
}

}  // namespace headscope
