package lifecycle

import (
	"fmt"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

// What the watcher asks by itself and is not true was heard by nobody: nothing is opened,
// nobody is told, and no incident has it among its triggers. What was not asked again, since
// another trigger ended the release at the same moment, breached when the watcher raised it.
func TestWatchersGuessesAreNoAlerts(t *testing.T) {
	for _, state := range []record.State{record.NotBreaching, record.NoData, record.Unreachable, ""} {
		t.Run(fmt.Sprintf("%q", state), func(t *testing.T) {
			p := playOf(t, "page")
			p.launch()
			guess := p.asked(fixture.Breach("slo", state))
			guess.Alert.Source = record.Watcher
			if s := p.after(time.Minute).must(guess); s.Incident != nil {
				t.Errorf("an incident was opened: %+v", s.Incident.Timeline)
			}
			quietStep(t, p.s)
			p.breach("errors")
			s := p.after(time.Second).must(guess)
			want := "[errors] [webhook]"
			if state == "" {
				want = "[errors slo] [webhook watcher]"
			}
			if got := fmt.Sprint(s.Incident.Triggers, s.Incident.Sources); got != want {
				t.Errorf("after the rollback, triggers and sources are %s", got)
			}
		})
	}
}
