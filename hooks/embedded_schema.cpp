#include "hooks/embedded_schema.h"

#include "lib/base/embed.h"

HEADSCOPE_EMBED(interventions_schema, HEADSCOPE_INTERVENTIONS_SCHEMA)
