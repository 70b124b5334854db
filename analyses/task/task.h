// A task: pairs of prompts that differ in one thing, and the tokens that tell which was read.
// Activations of the one run are put into the other, and the answer's logits show what they carry.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hooks/trace/trace_schema.h"
#include "lib/base/run.h"
#include "lib/text/tokenizer.h"

namespace headscope {

struct TaskItem {
  std::string id;
  // As run, of one length, with different tokens. Spans are half-open token ranges, the same in
  // both.
  Prompt clean;
  Prompt corrupted;
  std::vector<TokenId> answers;  // what follows `clean`: a set, at least one
  std::vector<TokenId> wrong;    // what it is measured against; may be empty (kl, prob)
  std::string template_name;     // items of one template are averaged together; may be empty

  // The token of either prompt at which `answers` are expected: a [MASK]; -1: behind the last one.
  std::int64_t read_at = -1;

  // How the line was written. Texts stand beside their tokens one by one, or are empty.
  enum class Given { text, tokens } given = Given::text;
  std::vector<std::string> answer_texts = {};
  std::vector<std::string> wrong_texts = {};

  [[nodiscard]] const Prompt& prompt(Run run) const {
    return run == Run::clean ? clean : corrupted;
  }
  [[nodiscard]] std::int64_t length() const {  // of either prompt, in tokens
    return static_cast<std::int64_t>(clean.tokens.size());
  }
};

struct Task {
  std::string name;
  std::vector<TaskItem> items;
  std::string hash;         // "xxh3:…" of tokens, answers, wrong, spans and templates
  std::size_t skipped = 0;  // lines, or draws of a generator, left out as unfit
};

struct TaskOptions {
  PrependBos bos = PrependBos::automatic;
  enum class Unfit { fail, skip } unfit = Unfit::fail;
};

// Reads JSONL, one item a line:
//   {"clean": "…", "corrupted": "…", "answers": [" Mary"], "wrong": [" John"],
//    "spans": {"IO": [1, 2], "end": [12, 13]}, "template": 3, "id": "0", "n_tokens": 13}
// or clean_tokens, corrupted_tokens, answer_tokens, wrong_tokens in place of the texts (BOS
// counted, tokens taken as they are). An answer's token is what it adds to the clean prompt's
// tokens, so that every tokenizer's word boundary is right. `n_tokens` is how many tokens the line
// was made for: under another tokenizer or BOS its spans would point at other words. An item
// without an id has its number, from 0. Throws DataError naming path:line: malformed JSON, an
// unknown or doubled key, a doubled id, prompts of different token length or too long for the
// model, the same prompt twice, an answer that is not one token more, an answer that is also wrong,
// a span outside the prompts; with Unfit::skip those that depend on the model (lengths, answers)
// are counted in `skipped` instead. A task of no items is a DataError.
Task read_task(const std::filesystem::path& jsonl,
               const Tokenizer* tokenizer,
               std::int64_t n_ctx,
               std::int64_t d_vocab,
               const TaskOptions& options);

// To be asked before a task is made. Throws UsageError if something stands at `jsonl` that is no
// task: an output takes the place of its own kind alone.
void check_task_output(const std::filesystem::path& jsonl);

// Writes what read_task() reads: texts, and spans as token ranges. The file appears whole or not at
// all; throws what check_task_output() does, and ResourceError if it cannot be created or the disk
// is full.
void write_task(const Task& task, const std::filesystem::path& jsonl);

std::string jsonl_of(const Task& task);  // what write_task() writes

std::string hash_of(const std::vector<TaskItem>& items);

}  // namespace headscope
