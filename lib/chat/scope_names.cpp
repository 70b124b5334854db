#include "lib/chat/scope_names.h"

#include <algorithm>
#include <set>

#include "lib/chat/filters.h"
#include "lib/chat/tests.h"

namespace headscope::jinja {
namespace {

using Names = std::set<std::string>;

// What is known of the names of one scope, as it is read from top to bottom.
struct ScopeNames {
  const ScopeNames* outer = nullptr;
  Names known{};
  Names stored{};
  Names unset{};

  [[nodiscard]] bool knows(const std::string& name) const {
    return known.contains(name) || (outer != nullptr && outer->knows(name));
  }
  void load(const std::string& name) {
    if (!knows(name)) {
      known.insert(name);
    }
  }
  void store(const std::string& name) {
    stored.insert(name);
    if (known.insert(name).second && (outer == nullptr || !outer->knows(name))) {
      unset.insert(name);
    }
  }
  void parameter(const std::string& name) {
    stored.insert(name);
    known.insert(name);
  }
  // What was set in only some branches has its outer value in the others.
  void join(const std::vector<ScopeNames>& branches) {
    Names in_branches;
    for (const ScopeNames& branch : branches) {
      in_branches.insert(branch.stored.begin(), branch.stored.end());
    }
    for (const ScopeNames& branch : branches) {
      known.insert(branch.known.begin(), branch.known.end());
    }
    for (const std::string& name : in_branches) {
      if (stored.insert(name).second) {
        unset.erase(name);
      }
    }
  }
};

class ScopeResolver {
 public:
  void scope(Block& block, ScopeNames names, bool is_loop = false) {
    Soft hard(*this, false);
    loops_ += is_loop ? 1 : 0;
    statements(block, names);
    block.unset.assign(names.unset.begin(), names.unset.end());
    for (Statement& statement : block.statements) {
      inner_scopes(statement, names);
    }
    loops_ -= is_loop ? 1 : 0;
  }

 private:
  // Whether a condition decides if what is read runs.
  class Soft {
   public:
    Soft(ScopeResolver& resolver, bool soft) : resolver_(resolver), before_(resolver.soft_) {
      resolver_.soft_ = soft;
    }
    ~Soft() { resolver_.soft_ = before_; }
    Soft(const Soft&) = delete;
    Soft& operator=(const Soft&) = delete;

   private:
    ScopeResolver& resolver_;
    bool before_;
  };

  void statements(Block& block, ScopeNames& names) {
    for (Statement& statement : block.statements) {
      visit(statement, names);
    }
  }

  void visit(Statement& statement, ScopeNames& names) {
    switch (statement.kind) {
      case Kind::condition:
        condition(statement, names);
        break;
      case Kind::set:
        expression(statement.value.get(), names);
        store(*statement.target, names);
        break;
      case Kind::set_block:
        store(*statement.target, names);
        break;
      case Kind::macro:
        names.store(statement.text);
        break;
      case Kind::with:
        for (const Parameter& parameter : statement.parameters) {
          expression(parameter.otherwise.get(), names);
        }
        break;
      default:
        expression(statement.value.get(), names);
    }
  }

  void condition(Statement& statement, ScopeNames& names) {
    const Soft soft(*this, true);
    expression(statement.branches.front().test.get(), names);
    std::vector<ScopeNames> copies(3, names);
    statements(statement.branches.front().body, copies[0]);
    for (std::size_t i = 1; i < statement.branches.size(); ++i) {
      expression(statement.branches[i].test.get(), copies[1]);
      ScopeNames branch = copies[1];
      statements(statement.branches[i].body, branch);
      copies[1].join({branch});
    }
    statements(statement.otherwise, copies[2]);
    names.join(copies);
  }

  void store(const Expression& target, ScopeNames& names) {
    if (target.op == Op::attribute) {
      names.load(target.parts.front()->name);
      return;
    }
    if (target.op == Op::tuple) {
      for (const ExpressionPtr& part : target.parts) {
        store(*part, names);
      }
      return;
    }
    if (target.name == "loop" && loops_ > 0) {
      throw SyntaxFault(target.line, "'loop' cannot be set inside of a loop");
    }
    names.store(target.name);
  }

  void expression(const Expression* whole, ScopeNames& names) {
    if (whole == nullptr) {
      return;
    }
    check_known(*whole);
    if (whole->op == Op::name) {
      names.load(whole->name);
    }
    const Soft soft(*this, soft_ || whole->op == Op::condition);
    for (const ExpressionPtr& part : whole->parts) {
      expression(part.get(), names);
    }
  }

  void check_known(const Expression& whole) const {
    if (soft_) {
      return;
    }
    if (whole.op == Op::filter && !is_filter(whole.name)) {
      throw SyntaxFault(whole.line,
                        fmt::format("headscope's Jinja has no filter '{}'", whole.name));
    }
    if (whole.op == Op::test && !is_test(whole.name)) {
      throw SyntaxFault(whole.line, fmt::format("headscope's Jinja has no test '{}'", whole.name));
    }
  }

  // The scopes that a statement opens, once all names of the one around it are known.
  void inner_scopes(Statement& statement, const ScopeNames& outer) {
    ScopeNames names{.outer = &outer};
    for (Branch& branch : statement.branches) {
      for (Statement& inner : branch.body.statements) {
        inner_scopes(inner, outer);
      }
    }
    switch (statement.kind) {
      case Kind::condition:
        for (Statement& inner : statement.otherwise.statements) {
          inner_scopes(inner, outer);
        }
        return;
      case Kind::loop:
        loop_scopes(statement, names);
        return;
      case Kind::set_block:
      case Kind::filter:
        scope_with(
            statement, names, statement.kind == Kind::set_block ? statement.value.get() : nullptr);
        return;
      case Kind::macro:
      case Kind::call:
      case Kind::with:
      case Kind::generation:
        scope_with(statement, names, nullptr);
        return;
      default:
        return;
    }
  }

  void scope_with(Statement& statement, ScopeNames names, const Expression* filter) {
    const Soft hard(*this, false);
    for (const Parameter& parameter : statement.parameters) {
      names.parameter(parameter.name);
    }
    if (statement.kind == Kind::macro || statement.kind == Kind::call) {
      for (const Parameter& parameter : statement.parameters) {
        expression(parameter.otherwise.get(), names);
      }
    }
    expression(filter, names);
    scope(statement.body, names);
  }

  void loop_scopes(Statement& statement, const ScopeNames& names) {
    ScopeNames body = names;
    parameters_of(*statement.target, body);
    body.parameter("loop");
    if (statement.only_if != nullptr) {
      const Soft hard(*this, false);
      ScopeNames test = names;
      parameters_of(*statement.target, test);
      expression(statement.only_if.get(), test);
    }
    scope(statement.body, body, true);
    scope(statement.otherwise, names, true);
  }

  static void parameters_of(const Expression& target, ScopeNames& names) {
    if (target.op == Op::name) {
      if (target.name == "loop") {
        throw SyntaxFault(target.line, "'loop' cannot be a loop's own variable");
      }
      names.parameter(target.name);
    }
    for (const ExpressionPtr& part : target.parts) {
      parameters_of(*part, names);
    }
  }

  bool soft_ = false;
  int loops_ = 0;
};

}  // namespace

void resolve_scopes(Block& whole) {
  ScopeResolver().scope(whole, {});
}

}  // namespace headscope::jinja
