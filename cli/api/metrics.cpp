#include "cli/api/metrics.h"

#include <fmt/format.h>

namespace headscope {
namespace {

struct MetricLine {
  const char* name;
  const char* kind;
  const char* help;
  std::int64_t value;
};

std::string metric_text(const MetricLine& line) {
  return fmt::format("# HELP headscope_{0} {1}\n# TYPE headscope_{0} {2}\nheadscope_{0} {3}\n",
                     line.name,
                     line.help,
                     line.kind,
                     line.value);
}

}  // namespace

void AnswerCounts::add(std::string_view route, int status) {
  const std::lock_guard lock(mutex_);
  ++counts_[{std::string(route.empty() ? "other" : route), status}];
}

std::map<std::pair<std::string, int>, std::int64_t> AnswerCounts::all() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

std::string metrics_text(const AnswerCounts& answers, const MetricsNow& now) {
  std::string text =
      "# HELP headscope_http_answers_total Answers given.\n"
      "# TYPE headscope_http_answers_total counter\n";
  for (const auto& [key, count] : answers.all()) {
    text += fmt::format("headscope_http_answers_total{{path=\"{}\",status=\"{}\"}} {}\n",
                        key.first,
                        key.second,
                        count);
  }
  for (const MetricLine& line : {
           MetricLine{"texts_running", "gauge", "Texts in the batch.", now.engine.running},
           MetricLine{"requests_waiting", "gauge", "Requests in the queue.", now.engine.waiting},
           MetricLine{"prompt_tokens_total", "counter", "Tokens read.", now.engine.prompt_tokens},
           MetricLine{
               "written_tokens_total", "counter", "Tokens written.", now.engine.written_tokens},
           MetricLine{"batch_steps_total", "counter", "Steps of the batch.", now.engine.steps},
           MetricLine{"prefix_hits_total",
                      "counter",
                      "Prompts that went on from keys and values kept of another.",
                      now.engine.prefix_hits},
           MetricLine{"prefix_bytes", "gauge", "Keys and values kept.", now.engine.prefix_bytes},
           MetricLine{"directions_kept",
                      "gauge",
                      "Uploaded directions.",
                      static_cast<std::int64_t>(now.directions)},
           MetricLine{"resident_bytes", "gauge", "Memory of this process.", now.resident_bytes},
       }) {
    text += metric_text(line);
  }
  return text;
}

}  // namespace headscope
