// "interventions" of a request: data/interventions.schema.json without anything of this machine.
#pragma once

#include "cli/api/body_fields.h"
#include "cli/api/request_fields.h"

namespace headscope {

// The document, or null if the request has none; what the schema says is checked by who runs it
// (hooks/intervention_json.h), whose messages name the edit and the key: a validator of schemas
// would say less. Here it is seen to that values are numbers or directions that were uploaded,
// {"direction": "xxh3:…"}, which become {"name": "xxh3:…"}; that nothing names a file; and that
// there are not too many. Throws HttpError 400, 404 for a direction that is not here, or 413.
Json intervention_field(BodyFields& fields, const RequestContext& context);

}  // namespace headscope
