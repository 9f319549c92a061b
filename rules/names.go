package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// What the daemon exports about open releases; rules join on it.
const (
	exportedRole         = "autorollback_release_role"
	exportedWeight       = "autorollback_weight"
	exportedSignificance = "autorollback_trigger_significance"
)

// recordPrefix is what the names of all recorded series begin with; releaseInfo is who
// plays which part, the only one that is no level of a signal.
const (
	recordPrefix = "autorollback_role:"
	releaseInfo  = recordPrefix + "release:info"
)

// recordedByUs reports whether a recorded series is ours.
func recordedByUs(name string) bool {
	return strings.HasPrefix(name, recordPrefix) || recordedBefore(name)
}

// recordedBefore reports whether an older version recorded the series: autorollback: is
// how the names began until the statistic moved into the daemon.
func recordedBefore(name string) bool { return strings.HasPrefix(name, "autorollback:") }

// alertName is Autorollback<Service><Word> in CamelCase.
func alertName(service, word string) string {
	return "Autorollback" + camel(service) + camel(word)
}

func camel(s string) string {
	var out strings.Builder
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		out.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return out.String()
}

// snake makes a name of the runbook part of a metric's name. Names hold no underscore.
func snake(s string) string { return strings.NewReplacer("-", "_", ".", "_").Replace(s) }

func groupName(service string) string { return "autorollback-" + service }

// num writes a number: short, no exponent for everyday sizes.
func num(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// percentile writes 0.95 as p95 and 0.999 as p99.9.
func percentile(q float64) string { return "p" + num(q*100) }

func percent(r float64) string { return num(r*100) + "%" }

// match is one label matcher with its value quoted, whatever the value holds.
func match(name, value string) string { return fmt.Sprintf("%s=%s", name, strconv.Quote(value)) }

func isRole(r runbook.Role) string { return match("role", string(r)) }
