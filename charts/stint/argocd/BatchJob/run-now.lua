-- A new token starts one run. It is an annotation, so that the spec stays as it
-- is in git.
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["batch.stint.dev/runAt"] = os.date("!%Y-%m-%dT%XZ")
return obj
