package runbook_test

import (
	"math"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

func TestFigures(t *testing.T) {
	for got, want := range map[string]string{
		runbook.Figure(0):                  "0",
		runbook.Figure(12.345):             "12.3",
		runbook.Figure(0.00123):            "0.00123",
		runbook.Figure(999.6):              "1000",
		runbook.Figure(1234567):            "1,234,567",
		runbook.Figure(-1234):              "-1,234",
		runbook.Figure(1e-9):               "1e-09",
		runbook.Percent(0.05):              "5 %",
		runbook.Seconds(0.0834):            "83.4 ms",
		runbook.Seconds(1.5):               "1.5 s",
		runbook.Quantity(0.0123, "ratio"):  "1.23 %",
		runbook.Quantity(42, "req/s"):      "42 req/s",
		runbook.Figure(-1000):              "-1,000",
		runbook.Figure(math.NaN()):         "no number",
		runbook.Figure(math.Inf(-1)):       "minus infinite",
		runbook.Figure(999):                "999",
		runbook.Figure(-123):               "-123",
		runbook.Percent(0.0042):            "0.42 %",
		runbook.Percent(0):                 "0 %",
		runbook.Percent(0.99951):           "100 %",
		runbook.Seconds(0):                 "0 s",
		runbook.Seconds(0.21):              "210 ms",
		runbook.Seconds(1.234):             "1.23 s",
		runbook.Seconds(60):                "60 s",
		runbook.Seconds(1500):              "25 min",
		runbook.Seconds(13000):             "3.61 h",
		runbook.Quantity(3.21987, "req/s"): "3.22 req/s",
		runbook.Quantity(0.5, ""):          "0.5",
		runbook.Quantity(1.5, "s"):         "1.5 s",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
