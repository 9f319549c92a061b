package lifecycle

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/test/fixture"
)

// The timeline says what noticed a breach, and when harm began: an alert that nobody received is none.
func TestTimelineSaysWhoNoticed(t *testing.T) {
	for source, want := range map[record.Source]string{
		record.Webhook: "Alert errors received by webhook, firing since ", record.Watcher: "Breach of errors found by the watcher, as of ",
	} {
		p := playOf(t, "page")
		p.launch()
		b := fixture.Breach("errors", record.Breaching)
		b.Significance.Onset = record.Onset{From: p.now.Add(-3 * time.Minute), To: p.now.Add(-time.Minute), At: p.now.Add(-2 * time.Minute)}
		ev := p.asked(b)
		ev.Alert.Source = source
		p.must(ev)
		var all []string
		for _, r := range p.s.Incident.Timeline {
			all = append(all, r.Kind+": "+r.Text)
		}
		text := strings.Join(all, "\n")
		began := "harm began between " + b.Significance.Onset.From.UTC().Format(time.RFC3339) + " and "
		if !strings.Contains(text, "alert: "+want) || !strings.Contains(text, began) {
			t.Errorf("%s: no %q or no %q in\n%s", source, want, began, text)
		}
	}
}
