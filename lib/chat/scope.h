// The variables of a running template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/chat/value.h"

namespace headscope::jinja {

struct Scope {
  std::shared_ptr<Scope> outer;
  std::vector<std::pair<std::string, Value>> variables{};

  [[nodiscard]] const Value* find(const std::string& name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer.get()) {
      for (const auto& [known, value] : scope->variables) {
        if (known == name) {
          return &value;
        }
      }
    }
    return nullptr;
  }

  void set(const std::string& name, Value value) {
    for (auto& [known, held] : variables) {
      if (known == name) {
        held = std::move(value);
        return;
      }
    }
    variables.emplace_back(name, std::move(value));
  }
};

}  // namespace headscope::jinja
