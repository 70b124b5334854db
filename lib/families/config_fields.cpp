#include "lib/families/config_fields.h"

#include <limits>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/warning.h"

namespace headscope {
namespace {

// Book-keeping, training and generation settings every transformers config may hold.
constexpr std::string_view kWithoutEffect[] = {"_attn_implementation",
                                               "_attn_implementation_autoset",
                                               "_commit_hash",
                                               "_name_or_path",
                                               "add_cross_attention",
                                               "architectures",
                                               "attention_dropout",
                                               "attn_pdrop",
                                               "auto_map",
                                               "bad_words_ids",
                                               "begin_suppress_tokens",
                                               "bos_token_id",
                                               "chunk_size_feed_forward",
                                               "cross_attention_hidden_size",
                                               "decoder_start_token_id",
                                               "diversity_penalty",
                                               "do_sample",
                                               "dtype",
                                               "early_stopping",
                                               "embd_pdrop",
                                               "encoder_no_repeat_ngram_size",
                                               "eos_token_id",
                                               "exponential_decay_length_penalty",
                                               "finetuning_task",
                                               "forced_bos_token_id",
                                               "forced_eos_token_id",
                                               "gradient_checkpointing",
                                               "id2label",
                                               "initializer_range",
                                               "is_decoder",
                                               "is_encoder_decoder",
                                               "is_llama_config",
                                               "label2id",
                                               "length_penalty",
                                               "max_length",
                                               "min_length",
                                               "model_type",
                                               "no_repeat_ngram_size",
                                               "num_beam_groups",
                                               "num_beams",
                                               "num_return_sequences",
                                               "output_attentions",
                                               "output_hidden_states",
                                               "output_scores",
                                               "pad_token_id",
                                               "unk_token_id",
                                               "prefix",
                                               "pretraining_tp",
                                               "problem_type",
                                               "pruned_heads",
                                               "remove_invalid_values",
                                               "repetition_penalty",
                                               "resid_pdrop",
                                               "return_dict",
                                               "return_dict_in_generate",
                                               "sep_token_id",
                                               "suppress_tokens",
                                               "task_specific_params",
                                               "temperature",
                                               "tf_legacy_loss",
                                               "tie_encoder_decoder",
                                               "tokenizer_class",
                                               "top_k",
                                               "top_p",
                                               "torch_dtype",
                                               "torchscript",
                                               "transformers_version",
                                               "transformers.js_config",
                                               "typical_p",
                                               "unsloth_fixed",
                                               "unsloth_version",
                                               "use_bfloat16",
                                               "use_cache",
                                               "cache_implementation",
                                               "hidden_dropout",
                                               "classifier_dropout"};

}  // namespace

ConfigFields::ConfigFields(Json json, std::string where)
    : json_(std::move(json)), where_(std::move(where)) {
  if (!json_.is_object()) {
    throw DataError("{}: not a JSON object", where_);
  }
  read_.insert(std::begin(kWithoutEffect), std::end(kWithoutEffect));
}

const Json* ConfigFields::find(std::string_view name) {
  read_.insert(std::string(name));
  const auto found = json_.find(name);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

const Json& ConfigFields::must_find(std::string_view name) {
  const Json* value = find(name);
  if (value == nullptr) {
    throw DataError("{}: field \"{}\" is missing", where_, spelt(name));
  }
  return *value;
}

std::string_view ConfigFields::spelt(std::string_view name) const {
  const auto other = other_names_.find(name);
  return other == other_names_.end() ? name : std::string_view(other->second);
}

bool ConfigFields::is_given(std::string_view name) {
  const bool given = find(name) != nullptr;
  if (!given && json_.contains(name)) {
    throw DataError(
        "{}: field \"{}\" is null, which transformers does not take; say what it is, or leave it "
        "out for the default",
        where_,
        spelt(name));
  }
  return given;
}

void ConfigFields::take_nulls_as_missing() {
  for (auto entry = json_.begin(); entry != json_.end();) {
    entry = entry->is_null() ? json_.erase(entry) : std::next(entry);
  }
}

bool ConfigFields::has(std::string_view name) const {
  const auto found = json_.find(name);
  return found != json_.end() && !found->is_null();
}

std::int64_t ConfigFields::integer(std::string_view name) {
  const Json& value = must_find(name);
  const bool fits = !value.is_number_unsigned() ||
                    value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
  if (!value.is_number_integer() || !fits) {
    throw DataError("{}: field \"{}\" is {}, not an integer{}",
                    where_,
                    spelt(name),
                    value.dump(),
                    fits ? "" : " below 2^63");
  }
  return value.get<std::int64_t>();
}

double ConfigFields::number(std::string_view name) {
  const Json& value = must_find(name);
  if (!value.is_number()) {
    throw DataError("{}: field \"{}\" is {}, not a number", where_, spelt(name), value.dump());
  }
  return value.get<double>();
}

std::string ConfigFields::text(std::string_view name) {
  const Json& value = must_find(name);
  if (!value.is_string()) {
    throw DataError("{}: field \"{}\" is {}, not a string", where_, spelt(name), value.dump());
  }
  return value.get<std::string>();
}

std::int64_t ConfigFields::integer(std::string_view name, std::int64_t fallback) {
  return is_given(name) ? integer(name) : fallback;
}

std::int64_t ConfigFields::optional_integer(std::string_view name, std::int64_t fallback) {
  return find(name) == nullptr ? fallback : integer(name);
}

double ConfigFields::number(std::string_view name, double fallback) {
  return is_given(name) ? number(name) : fallback;
}

double ConfigFields::optional_number(std::string_view name, double fallback) {
  return find(name) == nullptr ? fallback : number(name);
}

std::string ConfigFields::text(std::string_view name, std::string_view fallback) {
  return is_given(name) ? text(name) : std::string(fallback);
}

bool ConfigFields::flag(std::string_view name, bool fallback) {
  if (!is_given(name)) {
    return fallback;
  }
  const Json& value = must_find(name);
  if (!value.is_boolean()) {
    throw DataError("{}: field \"{}\" is {}, not true or false", where_, spelt(name), value.dump());
  }
  return value.get<bool>();
}

Json ConfigFields::raw(std::string_view name) {
  const Json* value = find(name);
  return value == nullptr ? Json() : *value;
}

void ConfigFields::set_default(std::string_view name, const Json& value) {
  if (!json_.contains(name)) {  // a null stays: it is a value, "none"
    json_[std::string(name)] = value;
  }
}

void ConfigFields::replace(std::string_view name, const Json& value) {
  json_[std::string(name)] = value;
}

void ConfigFields::also_called(std::string_view name, std::string_view other) {
  const Json* value = find(other);
  if (value == nullptr) {
    return;
  }
  if (const Json* own = find(name); own == nullptr) {
    json_[std::string(name)] = Json(*value);
    other_names_[std::string(name)] = other;
  } else if (*own != *value) {
    throw DataError("{}: \"{}\": {} and \"{}\": {} are one setting under two names; keep one",
                    where_,
                    name,
                    own->dump(),
                    other,
                    value->dump());
  }
}

void ConfigFields::require_same(std::string_view name, const Json& value, std::string_view source) {
  const Json* found = find(name);
  if (found != nullptr && *found != value) {
    throw DataError("{}: \"{}\": {} says otherwise than {}: {}; keep the one that is meant",
                    where_,
                    name,
                    found->dump(),
                    source,
                    value.dump());
  }
}

void ConfigFields::tell_if_other(std::string_view name,
                                 const Json& value,
                                 std::string_view source) {
  const Json* found = find(name);
  if (found != nullptr && *found != value) {
    warn(fmt::format(
        "{}: \"{}\": {} is not what counts: {} is {}, which is taken, as transformers does",
        where_,
        name,
        found->dump(),
        source,
        value.dump()));
  }
}

void ConfigFields::ignore(std::initializer_list<std::string_view> names) {
  read_.insert(names.begin(), names.end());
}

void ConfigFields::require(std::string_view name, const Json& value) {
  const Json* found = find(name);
  if (found != nullptr && *found != value) {
    throw DataError("{}: \"{}\": {} is not supported; headscope runs {} only",
                    where_,
                    name,
                    found->dump(),
                    value.dump());
  }
}

void ConfigFields::finish() const {
  for (const auto& [name, value] : json_.items()) {
    if (!read_.contains(name) && !value.is_null()) {
      throw DataError(
          "{}: field \"{}\": {} is not known to headscope, which will not run the model on a "
          "guess; "
          "remove the field from a copy of the config if it has no effect",
          where_,
          name,
          value.dump().substr(0, 80));
    }
  }
}

}  // namespace headscope
