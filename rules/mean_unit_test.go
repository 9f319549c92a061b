package rules_test

import (
	"bytes"
	_ "embed"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

//go:embed testdata/mean.yaml
var meanRunbook []byte

// The generated scenes of a mean pass in the real promtool, and mistakes in its rules
// do not.
func TestPromtoolRunsTheTestsOfAMean(t *testing.T) {
	if testing.Short() {
		t.Skip("takes many seconds")
	}
	promtool := servers.Promtool(t)
	rb, err := runbook.Parse("mean.yaml", meanRunbook)
	if err != nil {
		t.Fatal(err)
	}
	g, err := rules.Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	text, err := rules.Marshal([]rules.Group{g})
	if err != nil {
		t.Fatal(err)
	}
	suite, err := rules.UnitTests(rb)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := rules.MarshalTests([]string{"rules.yml"}, suite)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range suite.Untested {
		t.Logf("not tested: %s: %s", u.Trigger, u.Why)
	}
	scenes := []string{"fires closely above", "silent closely below", "low traffic", "begin anew", "the stable side never reports", "one pod of three", "one pod does most of the harm", "release is over", "the books of"}
	for _, want := range scenes {
		if !strings.Contains(string(tests), want) {
			t.Errorf("no scene %q", want)
		}
	}
	if err := unitRun(t, promtool, text, tests, "revenue-drop: .*("+strings.Join(scenes, "|")+")"); err != nil {
		t.Fatal(err)
	}
	for _, mistake := range []struct{ right, wrong, scene string }{
		{"< 0.98\n", "< 0.975\n", "closely above"},
		{"revenue_squared_total", "revenue_total", "low traffic"},
		{"- 0.9999\n", "- 0.5\n", "low traffic"},
		{">= 30\n", ">= 3000\n", "low traffic"},
	} {
		changed := bytes.ReplaceAll(text, []byte(mistake.right), []byte(mistake.wrong))
		if err := unitRun(t, promtool, changed, tests, "revenue-drop: .*"+mistake.scene); err == nil || bytes.Equal(text, changed) {
			t.Errorf("%s instead of %s passes the tests", mistake.wrong, mistake.right)
		}
	}
}
