package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// Names of the recorded series. All carry the label service.
const (
	seriesRole       = "autorollback:role"                 // who plays which part; one series for each version
	seriesReleases   = "autorollback:releases"             // how many releases the daemons claim are open in a region
	seriesPodAll     = "autorollback:pod:all"              // opportunities of a pod in one interval
	seriesPodBad     = "autorollback:pod:bad"              // events of a pod in one interval
	seriesAll        = "autorollback:all"                  // opportunities of a side in one interval
	seriesBad        = "autorollback:bad"                  // events of a side in one interval
	seriesShare      = "autorollback:share"                // the candidate's share of the opportunities
	seriesPods       = "autorollback:pods"                 // pods of a side that did anything lately
	seriesQuantile   = "autorollback:quantile"             // latency of a side, in seconds
	seriesLLR        = "autorollback:llr"                  // log likelihood ratio since the release began
	seriesPodSurplus = "autorollback:pod:surplus"          // events of a candidate pod beyond its fair part, in one interval
	seriesWorstPods  = "autorollback:pod:worst"            // the same of those that add most, over one window
	seriesLastingPhi = "autorollback:phi:lasting"          // dispersion, with what the stable pods differ by for good
	seriesApart      = "autorollback:pod:apart"            // events of a stable pod beyond its part of the side's, since the release began
	seriesChance     = "autorollback:phi:chance"           // how far chance would put them, in squares
	seriesPool       = "autorollback:stable:level"         // event share of the stable side in the last five minutes
	seriesPhiNum     = "autorollback:phi:num"              // how far the stable pods came apart in the last five minutes, squared
	seriesPhiDen     = "autorollback:phi:den"              // its expectation without dispersion
	seriesPhi        = "autorollback:phi"                  // dispersion, at least 1
	seriesEvidence   = "autorollback:evidence"             // log e-value of one window
	seriesLeastPod   = "autorollback:evidence:without_pod" // what remains without the most harmful pods
	seriesBin        = "autorollback:bin"                  // share of a side between two bounds of a distribution
	seriesBreach     = "autorollback:breach"               // 1 while a trigger without evidence is true, otherwise 0
	seriesSlow       = "autorollback:slow:limit"           // seconds above which a request counts as slow
)

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

func groupName(service string) string { return "autorollback-" + service }

// num writes a number as PromQL and Prometheus' label values do: short, no exponent
// for everyday sizes.
func num(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// percentile writes 0.95 as p95 and 0.999 as p99.9.
func percentile(q float64) string { return "p" + num(q*100) }

func percent(r float64) string { return num(r*100) + "%" }

// match is one label matcher with its value quoted, whatever the value holds.
func match(name, value string) string { return fmt.Sprintf("%s=%s", name, strconv.Quote(value)) }

// up rounds a threshold up to two decimals, so that rounding never adds false alarms.
func up(v float64) string { return num(math.Ceil(v*100) / 100) }

func atLeast(a, b runbook.Duration) runbook.Duration { return max(a, b) }
