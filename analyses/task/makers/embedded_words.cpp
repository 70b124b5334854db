#include "analyses/task/makers/embedded_words.h"

#include "lib/base/embed.h"

HEADSCOPE_EMBED(ioi_words, HEADSCOPE_TASK_DATA "/ioi.json")
HEADSCOPE_EMBED(greater_than_words, HEADSCOPE_TASK_DATA "/greater_than.json")
HEADSCOPE_EMBED(docstring_words, HEADSCOPE_TASK_DATA "/docstring.json")
HEADSCOPE_EMBED(colored_objects_words, HEADSCOPE_TASK_DATA "/colored_objects.json")
HEADSCOPE_EMBED(gendered_pronouns_words, HEADSCOPE_TASK_DATA "/gendered_pronouns.json")
HEADSCOPE_EMBED(capitals_words, HEADSCOPE_TASK_DATA "/capitals.json")
HEADSCOPE_EMBED(successor_words, HEADSCOPE_TASK_DATA "/successor.json")
HEADSCOPE_EMBED(arithmetic_words, HEADSCOPE_TASK_DATA "/arithmetic.json")
HEADSCOPE_EMBED(multiple_choice_words, HEADSCOPE_TASK_DATA "/multiple_choice.json")
HEADSCOPE_EMBED(acronyms_words, HEADSCOPE_TASK_DATA "/acronyms.json")
HEADSCOPE_EMBED(key_retrieval_words, HEADSCOPE_TASK_DATA "/key_retrieval.json")
