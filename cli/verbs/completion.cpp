// headscope completion: the script by which a shell completes verbs and options.
#include "cli/manual/completion.h"

#include <array>

#include <CLI/CLI.hpp>

#include "cli/choices.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "lib/base/json.h"
#include "lib/base/named.h"

namespace headscope {
namespace {

struct Shell {
  std::string_view name;
  std::string (*script)(const std::vector<VerbText>& verbs);
};
constexpr std::array kShells{
    Shell{"bash", bash_completion}, Shell{"zsh", zsh_completion}, Shell{"fish", fish_completion}};

std::string script_of(const std::string& name) {
  return find_named(kShells, name, "SHELL " + name + ": headscope has no completion for it")
      .script(describe_verbs());
}

}  // namespace

Verb completion_verb() {
  return {
      .name = "completion",
      .summary = "A script by which bash, zsh or fish complete verbs and options",
      .example =
          "  source <(headscope completion bash)\n"
          "  headscope completion fish > ~/.config/fish/completions/headscope.fish",
      .bind = [](CLI::App& app, const Invocation& invocation) -> std::function<void()> {
        auto shell = std::make_shared<std::string>();
        app.add_option("SHELL", *shell, "The shell: " + names_of(kShells))->required();
        return [shell, &invocation] {
          const std::string script = script_of(*shell);
          show(invocation, {{"shell", *shell}, {"script", script}}, script);
        };
      },
  };
}

}  // namespace headscope
