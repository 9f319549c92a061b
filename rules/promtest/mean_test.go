package promtest

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/sim"
)

// A trigger says what its mean is of, and in which unit.
func TestMeanWording(t *testing.T) {
	b, err := compile(sim.Shop())
	if err != nil {
		t.Fatal(err)
	}
	got, err := expand(b.alert("revenue-drop").Annotations["description"], map[string]string{"region": "default", "release": "r1"}, 0.9612)
	const says = "The candidate's mean revenue per trial in EUR is 96.12% of stable's in region default, release r1."
	if err != nil || !strings.HasPrefix(got, says) {
		t.Errorf("got %q, %v", got, err)
	}
}
