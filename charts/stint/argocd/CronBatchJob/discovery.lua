local suspended = obj.spec.suspend == true
return {
  ["run-now"] = {["iconClass"] = "fa fa-fw fa-play"},
  ["suspend"] = {["iconClass"] = "fa fa-fw fa-pause", ["disabled"] = suspended},
  ["resume"] = {["iconClass"] = "fa fa-fw fa-forward", ["disabled"] = not suspended},
}
