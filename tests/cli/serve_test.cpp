// `headscope serve` as a program, over sockets.
#include <chrono>
#include <csignal>
#include <thread>

#include "lib/base/json.h"
#include "tests/cli/program.h"
#include "tests/cli/running_program.h"
#include "tests/support/catch.h"
#include "tests/support/raw_client.h"
#include "tests/support/skip.h"

using namespace headscope;
using namespace headscope::test;

namespace {

// The program, serving a tiny model on some port until it is told to stop.
class Served {
 public:
  explicit Served(std::vector<std::string> more = {}) {
    std::vector<std::string> words{
        "serve", model_path("gpt2"), "--port", "0", "--threads", "1", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    child_ = start(words, folder_ / "out");
    for (int i = 0; i < 2000 && port_ == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      const std::string said = contents(folder_ / "out");
      const std::size_t at = said.find("127.0.0.1:");
      const bool whole = at != std::string::npos && said.ends_with("}\n");
      port_ = whole ? static_cast<std::uint16_t>(std::stoi(said.substr(at + 10))) : port_;
    }
    REQUIRE(port_ != 0);
  }
  ~Served() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      wait_for(child_, std::chrono::seconds(10));
    }
  }
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }

  int end() {
    ::kill(child_, SIGTERM);
    const int code = wait_for(child_, std::chrono::seconds(20));
    child_ = 0;
    return code;
  }

  [[nodiscard]] Json post(const std::string& path,
                          const std::string& body,
                          int status = 200) const {
    const RawAnswer answer = ask(port_, post_request(path, body));
    CAPTURE(body, answer.body);
    CHECK(answer.status == status);
    return Json::parse(answer.body);
  }

 private:
  Folder folder_;
  pid_t child_ = 0;
  std::uint16_t port_ = 0;
};

constexpr const char* kOff =
    R"("interventions": {"version": 1, "interventions": [{"site": "blocks.*.attn.hook_z", "op": "zero"}]})";

}  // namespace

TEST_CASE("serve writes texts with and without interventions, and ends when it is told to") {
  Served served;
  const Json both =
      served.post("/v1/completions",
                  std::string(R"({"prompt": "a b", "max_tokens": 6, "temperature": 0, "logprobs": 2,
                      "return": ["baseline"], )") +
                      kOff + "}");
  const Json plain =
      served.post("/v1/completions", R"({"prompt": "a b", "max_tokens": 6, "temperature": 0})");
  CHECK(both["baseline"]["text"] == plain["choices"][0]["text"]);
  CHECK(both["choices"][0]["text"] != plain["choices"][0]["text"]);
  CHECK(both["choices"][0]["logprobs"]["top_logprobs"][0].size() == 2);
  CHECK(both["interventions"][0]["values"] > 0);
  CHECK(plain["model"] == "gpt2");
  const RawAnswer page = ask(served.port(), get_request("/"));
  CHECK_THAT(page.head, contains("script-src 'self'"));
  CHECK_THAT(page.body, contains("<script src=\"/page.js\">"));
  CHECK(ask(served.port(), get_request("/page.js")).status == 200);
  CHECK(ask(served.port(), get_request("/page.css")).status == 200);
  CHECK(served.post("/v1/completions",
                    R"({"prompt": "a b", "model": "gpt3"})",
                    404)["error"]["code"] == "model_not_found");
  const Json hooks = Json::parse(ask(served.port(), get_request("/v1/hooks")).body);
  CHECK(hooks["hooks"][0]["name"] == "hook_tokens");
  const std::string metrics = ask(served.port(), get_request("/metrics")).body;
  CHECK_THAT(metrics,
             contains("headscope_http_answers_total{path=\"/v1/completions\",status=\"200\"} 2"));
  CHECK_THAT(metrics, contains("headscope_texts_running 0\n"));
  CHECK(served.end() == 0);
}

TEST_CASE("serve streams a text and says [DONE]") {
  Served served;
  const RawAnswer answer =
      ask(served.port(),
          post_request("/v1/completions",
                       R"({"prompt": "a b", "max_tokens": 3, "temperature": 0, "stream": true})"));
  CHECK(answer.status == 200);
  CHECK_THAT(answer.head, contains("Content-Type: text/event-stream"));
  CHECK_THAT(answer.body, contains("\"finish_reason\":\"length\""));
  CHECK_THAT(answer.body, contains("data: [DONE]\n\n"));
}

TEST_CASE("the page of serve writes both texts and draws attention") {
  if (std::system("command -v chromium >/dev/null 2>&1") != 0) {
    skip("no chromium to run the page in");
  }
  const Served served;
  const Folder folder;
  const std::string command =
      "cd " + (folder / "") +
      " && timeout 100 chromium --headless=new --no-sandbox --disable-gpu --user-data-dir=" +
      (folder / "profile") +
      " --enable-logging=stderr --virtual-time-budget=20000 --dump-dom 'http://127.0.0.1:" +
      std::to_string(served.port()) +
      "/#prompt=a%20b&heads=0.1,1.0,9.9&look=2.3&tokens=6&write' >dom 2>log";
  CHECK(std::system(command.c_str()) == 0);
  CHECK_THAT(contents(folder / "log"), !contains("Uncaught") && !contains("Refused to"));
  const std::string dom = contents(folder / "dom");
  CHECK_THAT(dom, contains("3 layers × 4 heads"));
  CHECK_THAT(dom, contains("2 changed"));
  CHECK_THAT(dom, contains("Attention of layer 2, head 3"));
  // Chromium's virtual time may run out before the last token has come.
  CHECK_THAT(dom, contains("data-written=\""));
  CHECK_THAT(dom, contains("data-map=\"3\""));
  CHECK_THAT(dom, contains("change: blue more, red less"));
  CHECK_THAT(dom, !contains("class=\"error\""));
}

TEST_CASE("serve refuses to be open without a token, and a token that is too short") {
  const Folder folder;
  put(folder / "short", "secret\n");
  put(folder / "token", "a-long-enough-secret\nsecond line\n");
  const Outcome open = run({"serve", model_path("gpt2"), "--host", "0.0.0.0", "--port", "0"});
  CHECK(open.code == 2);
  CHECK_THAT(open.err, contains("give --token FILE"));
  const Outcome weak = run({"serve", model_path("gpt2"), "--token", folder / "short"});
  CHECK(weak.code == 3);
  CHECK_THAT(weak.err, contains("at least 16"));
  Served served({"--token", folder / "token"});
  CHECK(ask(served.port(), get_request("/v1/models")).status == 401);
  CHECK(ask(served.port(),
            get_request("/v1/models", "Authorization: Bearer a-long-enough-secret\r\n"))
            .status == 200);
}
