// Package dock has what the chart and config/ ship read by the libraries of the
// programs that will: kustomize, Prometheus, the Prometheus operator. It is a
// module of its own, so that none of them enters the operator's go.mod. HELM
// names the helm that renders the chart; `make test` builds it.
package dock
