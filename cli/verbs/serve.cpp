// headscope serve: a model behind HTTP, with interventions in each request.
#include <cstdio>

#include <CLI/CLI.hpp>

#include "cli/http/http_error.h"
#include "cli/interrupt.h"
#include "cli/intervene.h"
#include "cli/output.h"
#include "cli/serve/serve_run.h"
#include "cli/verbs.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/families/load_chat.h"

namespace headscope {
namespace {

struct ServeArguments {
  std::string model;
  std::string attention;
  std::string kv_cache = "plan";
  std::string name;
  std::string token;
  std::string host = "127.0.0.1";
  std::vector<std::string> allow_hosts;
  std::uint16_t port = 8080;
  std::int64_t batch = 32;
  std::size_t queue = 256;
  std::size_t connections = 256;
  std::int64_t prefix_cache = 256;  // MB
  std::int64_t max_tokens = 4096;
  double timeout = 600;
  double drain = 30;
};

void add_listening(CLI::App& app, ServeArguments& arguments) {
  app.add_option("--port", arguments.port, "0: any that is free")->capture_default_str();
  app.add_option("--host",
                 arguments.host,
                 "The address to listen on; others than this machine's own need --token")
      ->capture_default_str();
  app.add_option("--token",
                 arguments.token,
                 "A file whose first line clients must send as Authorization: Bearer …")
      ->check(names_a_file);
  app.add_option("--allow-host",
                 arguments.allow_hosts,
                 "A name that clients may use for this server, beside localhost and addresses; "
                 "repeatable")
      ->allow_extra_args(false);
  app.add_option("--name", arguments.name, "What requests call the model (default: its name)");
}

void add_serve_limits(CLI::App& app, ServeArguments& arguments) {
  app.add_option("--batch", arguments.batch, "Texts that run at once; each is what it is alone")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{4096}))
      ->capture_default_str();
  app.add_option("--queue", arguments.queue, "Requests that may wait; one more gets 429")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20))
      ->capture_default_str();
  app.add_option("--prefix-cache",
                 arguments.prefix_cache,
                 "MB of keys and values kept of prompts, for those that begin alike; 0: none")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24))
      ->capture_default_str();
  app.add_option("--connections", arguments.connections, "At a time; one more gets 503")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 16))
      ->capture_default_str();
  app.add_option("--max-tokens", arguments.max_tokens, "The most that a request may have written")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24))
      ->capture_default_str();
  app.add_option("--timeout", arguments.timeout, "Seconds for an answer, then 408")
      ->check(CLI::Range(0.001, 1e6))
      ->capture_default_str();
  app.add_option("--drain", arguments.drain, "Seconds that running requests have after Ctrl-C")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
}

ServeOptions serve_options(const ServeArguments& arguments, const CommonOptions& common) {
  ServeOptions options;
  options.http.address = arguments.host;
  options.http.port = arguments.port;
  options.http.access.hosts = arguments.allow_hosts;
  if (!arguments.token.empty()) {
    options.http.access.token = read_token(arguments.token);
  }
  options.http.limits.connections = arguments.connections;
  options.http.limits.answer_seconds = arguments.timeout;
  options.api.limits.tokens = arguments.max_tokens;
  options.api.seed = common.seed;
  options.engine.id = arguments.name.empty() ? model_id(arguments.model) : arguments.name;
  options.engine.batch = arguments.batch;
  options.engine.keys = kv_kept(arguments.kv_cache);
  options.engine.queue = arguments.queue;
  options.engine.prefix_bytes = arguments.prefix_cache << 20;
  options.drain_seconds = arguments.drain;
  options.stopped = interrupted;
  return options;
}

// A model without a template completes texts all the same: who asks for a chat is told why not.
void add_chat(EngineOptions& options, const Model& model, const std::string& name) {
  try {
    const Tokenizer tokenizer = model.tokenizer();
    const auto chat = std::make_shared<const ChatTemplate>(load_chat_template(name));
    options.chat_ends = end_of_turn_tokens(tokenizer, chat.get());
    options.chat = [chat, tokenizer](const Json& messages) {
      const OrderedJson list = OrderedJson::parse(messages.dump());
      return encode_chat(tokenizer, chat->render(list, {.add_generation_prompt = true}));
    };
  } catch (const DataError& error) {
    options.chat = [why = std::string(error.what())](const Json&) -> std::vector<std::int32_t> {
      throw HttpError(400, why + "; /v1/completions needs none", "no_chat_template");
    };
  }
}

void run_server(const ServeArguments& arguments, const Invocation& invocation) {
  catch_interrupts();
  const CommonOptions& common = invocation.common;
  ServeOptions options = serve_options(arguments, common);
  const Model model = load_with(arguments.model, common, "", arguments.attention);
  add_chat(options.engine, model, arguments.model);
  const std::string id = options.engine.id;
  const bool is_v6 = arguments.host.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + arguments.host + "]" : arguments.host;
  options.listening = [&](std::uint16_t port) {
    const std::string url = fmt::format("http://{}:{}", host, port);
    show(invocation,
         {{"model", id}, {"url", url}},
         fmt::format("{} is served on {} (Ctrl-C ends it)\n", id, url));
    std::fflush(stdout);
  };
  serve(model, std::move(options));
}

}  // namespace

Verb serve_verb() {
  return {
      .name = "serve",
      .summary = "Serve a model over HTTP (OpenAI's API), with interventions in each request",
      .example =
          "  headscope serve smollm2 --port 8080      # then open http://127.0.0.1:8080\n"
          "  curl http://127.0.0.1:8080/v1/completions -H 'Content-Type: application/json' -d '\n"
          "    {\"prompt\": \"The capital of France is\", \"max_tokens\": 8, \"temperature\": 0,\n"
          "     \"return\": [\"baseline\"], \"interventions\": {\"version\": 1, "
          "\"interventions\":\n"
          "     [{\"site\": \"blocks.*.attn.hook_z\", \"heads\": [0], \"op\": \"zero\"}]}}'",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto arguments = std::make_shared<ServeArguments>();
        add_model(app, arguments->model);
        add_attention(app, arguments->attention);
        add_kv_cache(app, arguments->kv_cache);
        add_listening(app, *arguments);
        add_serve_limits(app, *arguments);
        return [arguments, &invocation] { run_server(*arguments, invocation); };
      },
  };
}

}  // namespace headscope
