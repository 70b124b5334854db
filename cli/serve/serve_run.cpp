#include "cli/serve/serve_run.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "cli/api/page.h"
#include "lib/base/error.h"
#include "lib/base/mapped_file.h"
#include "lib/base/paths.h"

namespace headscope {
namespace {

constexpr std::size_t kShortestToken = 16;

}  // namespace

void serve(const Model& model, ServeOptions options) {
  const auto directions = std::make_shared<Directions>(options.api.limits.all_direction_bytes);
  ModelEngine engine(model, directions, std::move(options.engine));
  Api api(engine, directions, options.api);
  options.http.routes = api_routes(api);
  for (HttpRoute& route : page_routes()) {
    options.http.routes.push_back(std::move(route));
  }
  options.http.answered = [&api](std::string_view route, int status) {
    api.answers.add(route, status);
  };
  HttpServer server(std::move(options.http));
  options.listening(server.port());
  std::atomic<bool> drained = false;
  std::thread drain;
  engine.run([&] {
    if (!drain.joinable() && options.stopped()) {
      drain = std::thread([&] {
        server.drain(options.drain_seconds);
        drained = true;
      });
    }
    return drained.load();
  });
  drain.join();
}

std::string read_token(const std::string& file) {
  const MappedFile mapped{std::filesystem::path(file)};
  const auto bytes = mapped.bytes();
  const std::string text(bytes.begin(), bytes.end());
  const std::string token = text.substr(0, text.find_first_of("\r\n"));
  const bool plain =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (token.size() < kShortestToken || !plain) {
    throw DataError(
        "{}: its first line must be a token of at least {} visible ASCII characters; "
        "`openssl rand -hex 32 > {}` makes one",
        file,
        kShortestToken,
        file);
  }
  return token;
}

std::string model_id(std::string_view name) {
  std::string id(name);
  while (id.size() > 1 && id.ends_with('/')) {
    id.pop_back();
  }
  if (path_exists(id)) {
    id = std::filesystem::path(id).filename().string();
  }
  return id.ends_with(".gguf") ? id.substr(0, id.size() - 5) : id;
}

}  // namespace headscope
