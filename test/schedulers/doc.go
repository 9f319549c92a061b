// Package schedulers holds deploy/kustomize and deploy/nomad against what reads them: Kustomize's own
// renderer, Kubernetes' types and its Pod Security checks, Nomad's parser. It is a module of its own, so
// that what these need stays out of the project's.
//
// It starts no cluster and no agent.
package schedulers
