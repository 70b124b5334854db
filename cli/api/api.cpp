#include "cli/api/api.h"

#include <atomic>
#include <chrono>

#include <fmt/format.h>

#include "cli/api/body_fields.h"
#include "cli/api/text_answering.h"
#include "cli/render/text_codes.h"
#include "lib/base/hash.h"
#include "lib/base/memory.h"
#include "lib/base/version.h"

namespace headscope {
namespace {

using Exchange = std::shared_ptr<HttpExchange>;
using Handle = std::function<void(const Exchange&)>;

std::int64_t seconds_since_1970() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Unlike any other of this process and, by its time, of those before it.
std::string new_id(const std::string& prefix) {
  static std::atomic<std::uint64_t> number = 0;
  static const auto start = std::chrono::system_clock::now().time_since_epoch().count();
  return fmt::format("{}-{:x}-{}", prefix, start, number++);
}

RequestContext context_of(Api& api) {
  return {.limits = api.options.limits, .directions = *api.directions, .seed = api.options.seed};
}

void check_model(const std::string& asked, const ModelCard& card) {
  if (!asked.empty() && asked != card.id) {
    throw HttpError(
        404,
        fmt::format("the model \"{}\" is not here: this server runs \"{}\"", asked, card.id),
        "model_not_found",
        "model");
  }
}

using ReadCall = TextCall (*)(const Json&, const RequestContext&);

Handle text_handle(Api& api, ReadCall read) {
  return [&api, read](const Exchange& exchange) {
    TextCall call = read(body_object(exchange->request().body), context_of(api));
    check_model(call.model, api.engine.card());
    const bool chat = call.form == TextCall::Form::chat;
    const AnswerHead head{.id = new_id(chat ? "chatcmpl" : "cmpl"),
                          .created = seconds_since_1970(),
                          .model = api.engine.card().id,
                          .form = call.form,
                          .logprobs = call.logprobs};
    answer_text(api.engine, std::move(call), head, exchange);
  };
}

template <typename Job>
Handle look_handle(Api& api, Job (*read)(const Json&, const RequestContext&)) {
  return [&api, read](const Exchange& exchange) {
    api.engine.look(read(body_object(exchange->request().body), context_of(api)),
                    [exchange](HttpResponse response) { exchange->reply(std::move(response)); });
  };
}

Handle json_handle(std::function<OrderedJson()> make) {
  return [make = std::move(make)](const Exchange& exchange) {
    exchange->reply({.body = line(make())});
  };
}

OrderedJson model_json(const ModelCard& card) {
  static const std::int64_t created = seconds_since_1970();
  return {{"id", card.id},
          {"object", "model"},
          {"created", created},
          {"owned_by", "headscope"},
          {"n_layers", card.n_layers},
          {"n_heads", card.n_heads},
          {"context_length", card.n_ctx}};
}

OrderedJson models_json(const ModelCard& card) {
  return {{"object", "list"}, {"data", OrderedJson::array({model_json(card)})}};
}

// {"direction": the description, "values": base64 of values.safetensors}: the files that `headscope
// steer fit` wrote.
UploadedDirection learned_direction(const Api& api, const std::string& body) {
  const Json json = body_object(body);
  BodyFields fields(json);
  const Json* description = fields.find("direction");
  const auto values = from_base64(fields.text("values").value_or("?"));
  if (description == nullptr || !description->is_object()) {
    fields.fail("direction", "what direction.json says");
  }
  if (!values) {
    fields.fail("values", "values.safetensors in base64");
  }
  fields.refuse_others();
  return {.hash = Hasher().update(description->dump()).update(*values).digest(),
          .shape = {},
          .numbers = {},
          .learned = api.engine.read_direction(*description, *values),
          .learned_bytes = body.size()};
}

OrderedJson points_json(const std::string& body) {
  OrderedJson points = OrderedJson::array();
  const Json json = body_object(body);
  for (const Json& point : json["direction"]["points"]) {
    points.push_back(point["point"].get<std::string>());
  }
  return points;
}

void upload_direction(Api& api, const Exchange& exchange) {
  if (exchange->request().content_type == "application/json") {
    const std::string& body = exchange->request().body;
    const auto learned = api.directions->put(learned_direction(api, body));
    exchange->reply({.body = line({{"direction", learned->hash}, {"points", points_json(body)}})});
    return;
  }
  const auto direction = api.directions->put(exchange->request().body);
  exchange->reply({.body = line({{"direction", direction->hash}, {"shape", direction->shape}})});
}

HttpRoute get(const std::string& path, Handle handle) {
  return {.method = "GET", .path = path, .handle = std::move(handle)};
}

HttpRoute post_json(const std::string& path, const ApiLimits& limits, Handle handle) {
  return {.method = "POST",
          .path = path,
          .handle = std::move(handle),
          .most_body = limits.body_bytes,
          .content_types = {"application/json"}};
}

HttpRoute health_route() {
  HttpRoute route = get("/healthz", json_handle([] {
                          return OrderedJson{{"status", "ok"}, {"version", kVersion}};
                        }));
  route.access = HttpRoute::Access::everyone;
  return route;
}

HttpRoute metrics_route(Api& api) {
  return get("/metrics", [&api](const Exchange& exchange) {
    exchange->reply({.content_type = "text/plain; version=0.0.4",
                     .body = metrics_text(api.answers,
                                          {.engine = api.engine.counts(),
                                           .directions = api.directions->size(),
                                           .resident_bytes = resident_memory()})});
  });
}

HttpRoute directions_route(Api& api) {
  return {.method = "POST",
          .path = "/v1/directions",
          .handle = [&api](const Exchange& exchange) { upload_direction(api, exchange); },
          .most_body = api.options.limits.direction_bytes,
          .content_types = {"application/octet-stream", "application/json"}};
}

}  // namespace

std::vector<HttpRoute> api_routes(Api& api) {
  const ApiLimits& limits = api.options.limits;
  return {health_route(),
          metrics_route(api),
          get("/v1/models", json_handle([&api] { return models_json(api.engine.card()); })),
          get("/v1/models/" + api.engine.card().id,
              json_handle([&api] { return model_json(api.engine.card()); })),
          get("/v1/hooks", json_handle([&api] { return api.engine.card().hooks; })),
          post_json("/v1/completions", limits, text_handle(api, completion_call)),
          post_json("/v1/chat/completions", limits, text_handle(api, chat_call)),
          post_json("/v1/activations", limits, look_handle(api, values_job)),
          post_json("/v1/attention", limits, look_handle(api, attention_job)),
          directions_route(api)};
}

}  // namespace headscope
