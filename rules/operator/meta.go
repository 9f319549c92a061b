package operator

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// Meta is what a resource is called. No namespace is written: kubectl's or kustomize's holds.
type Meta struct {
	Name   string            // DNS subdomain
	Labels map[string]string // by which a Prometheus or an Alertmanager selects it
}

var (
	subdomain  = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	labelKey   = regexp.MustCompile(`^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$`)
)

// check refuses what the API server would.
func (m Meta) check() error {
	if !isName(m.Name) {
		return fmt.Errorf("%q is not the name of a Kubernetes resource: use lower-case letters, digits, dashes and dots", m.Name)
	}
	for k, v := range m.Labels {
		if !labelKey.MatchString(k) || !labelValue.MatchString(v) {
			return fmt.Errorf("%q is not a Kubernetes label", k+"="+v)
		}
	}
	return nil
}

func isName(text string) bool { return len(text) <= 253 && subdomain.MatchString(text) }

func (m Meta) write(out *bytes.Buffer, version, kind string) {
	fmt.Fprintf(out, "apiVersion: monitoring.coreos.com/%s\nkind: %s\nmetadata:\n  name: %s\n", version, kind, strconv.Quote(m.Name))
	if len(m.Labels) == 0 {
		return
	}
	out.WriteString("  labels:\n")
	for _, k := range slices.Sorted(maps.Keys(m.Labels)) {
		fmt.Fprintf(out, "    %s: %s\n", strconv.Quote(k), strconv.Quote(m.Labels[k]))
	}
}
