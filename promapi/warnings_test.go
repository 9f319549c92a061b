package promapi

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser/posrange"
	"github.com/prometheus/prometheus/util/annotations"
)

// Each remark that Prometheus makes, in its own words, and what others say of stores that did
// not answer: only what takes nothing away from the answer is harmless.
func TestWhichWarningsAreHarmless(t *testing.T) {
	var at posrange.PositionRange
	for _, c := range []struct {
		warning  error
		harmless bool
	}{
		{annotations.NewInvalidQuantileWarning(1.5, at), true},
		{annotations.NewInvalidRatioWarning(2, 1, at), true},
		{annotations.NewNativeHistogramNotCounterWarning("m", at), true},
		{annotations.NewNativeHistogramNotGaugeWarning("m", at), true},
		{annotations.NewHistogramCounterResetCollisionWarning(at, annotations.HistogramAgg), true},
		{annotations.SortInRangeQueryWarning, true},
		{annotations.NewPossibleNonCounterInfo("m", at), true},
		{annotations.NewHistogramQuantileForcedMonotonicityInfo("m", at, 0, 0, 0, 0), true},
		// Series of these are left out of the answer.
		{annotations.NewBadBucketLabelWarning("m", "le", at), false},
		{annotations.NewMixedFloatsHistogramsWarning("m", at), false},
		{annotations.NewMixedFloatsHistogramsAggWarning(at), false},
		{annotations.NewMixedClassicNativeHistogramsWarning("m", at), false},
		{annotations.NewMixedExponentialCustomHistogramsWarning("m", at), false},
		{annotations.NewIncompatibleBucketLayoutInBinOpWarning("+", at), false},
		// An increase over these may count an event twice.
		{annotations.NewStartTimeOverlapWarning("m", at), false},
	} {
		if got := Harmless(c.warning.Error()); got != c.harmless {
			t.Errorf("%q: harmless is %v", c.warning, got)
		}
	}
	for _, said := range []string{
		"PromQL warning: of a later Prometheus", "a PromQL warning: quantile value should be between 0 and 1", "",
		"receive series from Addr: store-1:10901: rpc error: code = Unavailable", // Thanos
		"No StoreAPIs matched for this query",                                    // Thanos
		"some ingesters did not answer",                                          // anybody
	} {
		if Harmless(said) {
			t.Errorf("%q is taken for harmless", said)
		}
	}
}

func TestAPartOfTheAnswerIsMissing(t *testing.T) {
	harmless := annotations.InvalidQuantileWarning.Error()
	if err := Complete(Warnings{harmless}, nil); err != nil {
		t.Errorf("a remark is an error: %v", err)
	}
	if err := Complete(Warnings{harmless, "store-1 is away"}, nil); err == nil || !strings.HasSuffix(err.Error(), "partial answer: store-1 is away") {
		t.Errorf("a store that is away: %v", err)
	}
	text := `{"status":"success","isPartial":true,"data":{"resultType":"vector","result":[]}}`
	if _, warnings, err := decode([]byte(text)); err != nil || Complete(warnings, nil) == nil {
		t.Errorf("VictoriaMetrics without a node: %v, %v", warnings, err)
	}
}
