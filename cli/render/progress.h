// A progress bar on a terminal. Where stderr is redirected, a line now and then: a log shows that
// work goes on, and short work stays silent.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace headscope {

class Progress {
 public:
  enum class When { terminal, always, never };
  struct Options {
    std::string label = "";        // "recording"
    std::string unit = "prompts";  // the rate is printed in units a second
    std::FILE* stream = stderr;
    When when =
        When::terminal;  // a bar on a terminal that can redraw (TERM is not dumb); else lines
    std::chrono::milliseconds line_every = std::chrono::seconds(15);  // off a terminal
  };

  Progress(std::int64_t total, Options options);
  ~Progress();  // clears the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Redraws at most ten times a second, off a terminal once in `line_every`; not thread-safe.
  void add(std::int64_t done = 1);
  void begin_at(std::int64_t done);                         // was done before: no part of the rate
  void note(std::string text) { note_ = std::move(text); }  // shown at the end of the line

 private:
  void draw();

  std::int64_t total_;
  Options options_;
  std::int64_t done_ = 0;
  std::int64_t before_ = 0;
  std::string note_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
  enum class Form { bar, lines, nothing } form_;
};

// The bar's line: "recording ━━━━──── 40/100 prompts  12.3/s  5.0 s left". `before` of `done` took
// no part of the `seconds`.
std::string progress_line(const Progress::Options& options,
                          std::int64_t done,
                          std::int64_t total,
                          double seconds,
                          std::int64_t before = 0);

}  // namespace headscope
