#include "hooks/address.h"

#include "lib/base/error.h"
#include "tests/support/catch.h"

using namespace headscope;

namespace {

ModelConfig small_config() {
  ModelConfig config;
  config.n_layers = 4;
  config.n_heads = 4;
  config.n_kv_heads = 2;
  config.layers.resize(4);
  return config;
}

}  // namespace

TEST_CASE("a name finds its one point, and so does its alias") {
  const auto own = resolve_hooks("blocks.3.attn.hook_z", small_config());
  REQUIRE(own.size() == 1);
  CHECK((own.front() == HookPoint{Site::z, 3}));
  CHECK((resolve_hooks("blocks.3.attn.o.hook_in", small_config()) == own));
}

TEST_CASE("the names of a recorded point are found without its model") {
  CHECK(names_of("blocks.3.attn.hook_z") ==
        std::vector<std::string>{"blocks.3.attn.hook_z", "blocks.3.attn.o.hook_in"});
  for (const std::string other :
       {"logits/last", "blocks.3.attn.o.hook_in", "blocks.99999999999.attn.hook_z", "hook_zz"}) {
    CHECK(names_of(other) == std::vector<std::string>{other});
  }
}

TEST_CASE("globs and braces name several points, in forward order") {
  const auto patterns = resolve_hooks("blocks.*.attn.hook_pattern", small_config());
  REQUIRE(patterns.size() == 4);
  CHECK((patterns[2] == HookPoint{Site::pattern, 2}));
  CHECK(resolve_hooks("blocks.{1,3}.attn.hook_{q,k}", small_config()).size() == 4);
  const auto merged = resolve_hooks(
      std::vector<std::string>{"blocks.2.hook_resid_pre", "hook_embed", "blocks.2.hook_resid_*"},
      small_config());
  REQUIRE(merged.size() == 4);
  CHECK((merged.front() == HookPoint{Site::embed, kNoLayer}));
}

TEST_CASE("what names nothing is an error with the way out") {
  CHECK_THROWS_WITH(resolve_hooks("blocks.3.attn.hook_zz", small_config()),
                    contains("did you mean blocks.3.attn.hook_z"));
  CHECK_THROWS_WITH(resolve_hooks("blocks.9.attn.hook_z", small_config()),
                    contains("layers are 0 to 3"));
  CHECK_THROWS_WITH(resolve_hooks("blocks.1.hook_attn_in", small_config()),
                    contains("as many KV heads as heads"));
  CHECK_THROWS_WITH(resolve_hooks("hook_pos_embed", small_config()), contains("learned positions"));
  CHECK_THROWS_AS(resolve_hooks("blocks.{1", small_config()), UsageError);
}

TEST_CASE("every alternative of a brace must name something") {
  CHECK_THROWS_AS(resolve_hooks("blocks.{1,9}.attn.hook_z", small_config()), UsageError);
  CHECK_THROWS_WITH(resolve_hooks("blocks.{1,9}.attn.hook_z", small_config()),
                    contains("blocks.9.attn.hook_z") && contains("layers are 0 to 3"));
  CHECK_THROWS_WITH(resolve_hooks("blocks.*.attn.hook_{q,zz}", small_config()),
                    contains("blocks.*.attn.hook_zz"));
}

TEST_CASE("a glob of many stars does not take exponential time") {
  const std::string text(5000, 'a');
  CHECK_FALSE(glob_matches("*a*a*a*a*a*a*a*a*a*a*a*b", text));
  CHECK(glob_matches("a?a*", "aXaaa"));
}
