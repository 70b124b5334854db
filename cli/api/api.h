// The paths of `headscope serve`.
#pragma once

#include <memory>
#include <vector>

#include "cli/api/directions.h"
#include "cli/api/engine.h"
#include "cli/api/metrics.h"
#include "cli/api/request_fields.h"
#include "cli/http/http_routes.h"

namespace headscope {

struct ApiOptions {
  ApiLimits limits{};
  std::uint64_t seed = 0;  // of requests that name none
};

// All that the routes share; outlives the server.
struct Api {
  Api(Engine& runs, std::shared_ptr<Directions> uploaded, const ApiOptions& choices)
      : engine(runs), directions(std::move(uploaded)), options(choices) {}

  Engine& engine;
  std::shared_ptr<Directions> directions;
  ApiOptions options;
  AnswerCounts answers{};
};

// `api` outlives them.
std::vector<HttpRoute> api_routes(Api& api);

}  // namespace headscope
