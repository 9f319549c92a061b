package operator

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/rules"
)

// PrometheusRule writes the groups as one PrometheusRule: what [rules.Marshal] writes, below spec. The
// same groups always give the same bytes.
func PrometheusRule(groups []rules.Group, m Meta) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("write PrometheusRule: %w", err)
	}
	text, err := rules.Marshal(groups)
	if err != nil {
		return nil, err
	}
	head, body, found := strings.Cut(string(text), "\ngroups:\n")
	if !found {
		return nil, fmt.Errorf("write PrometheusRule: the rule file has no groups")
	}
	var out bytes.Buffer
	out.WriteString(head + "\n")
	m.write(&out, "v1", "PrometheusRule")
	out.WriteString("spec:\n  groups:\n")
	for line := range strings.Lines(body) {
		if line != "\n" {
			out.WriteString("  ")
		}
		out.WriteString(line)
	}
	return out.Bytes(), nil
}
