package rules

import (
	"strings"
	"testing"
)

// A trigger says what its mean is of, and in which unit.
func TestMeanWording(t *testing.T) {
	b, err := open(shop())
	if err != nil {
		t.Fatal(err)
	}
	tr, _ := b.Trigger("revenue-drop")
	got, err := expand(b.alert(tr).annotations["description"], map[string]string{"region": "default", "release": "r1"}, 0.9612)
	const says = "The candidate's mean revenue per trial in EUR is 96.12% of stable's in region default, release r1."
	if err != nil || !strings.HasPrefix(got, says) {
		t.Errorf("got %q, %v", got, err)
	}
}
