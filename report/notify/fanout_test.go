package notify

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// inbox takes messages, or answers with the error it is set to.
type inbox struct {
	mu    sync.Mutex
	err   error
	got   []string
	links []string
}

func (i *inbox) Send(_ context.Context, m record.Message, link string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return i.err
	}
	i.got, i.links = append(i.got, m.ID), append(i.links, link)
	return nil
}

func TestFanout(t *testing.T) {
	good, bad, gone := &inbox{}, &inbox{err: errors.New("down")}, &inbox{err: ErrDisabled}
	reg := prometheus.NewPedanticRegistry()
	f := NewFanout(reg, zap.NewNop(), Sink{"good", good}, Sink{"bad", bad}, Sink{"gone", gone})
	m := report.Opened(incidents()["acted"], ranker(), breach)
	for range 3 {
		m.Attempts, m.ClaimedBy, m.Problem = m.Attempts+1, "replica", "bad: down"
		if err := f.Send(t.Context(), m, ""); err == nil || err.Error() != "bad: down" {
			t.Errorf("got %v, want bad: down", err)
		}
	}
	bad.err = nil
	for range 2 {
		if err := f.Send(t.Context(), m, ""); err != nil {
			t.Error(err)
		}
	}
	m.Text += " and more"
	if err := f.Send(t.Context(), m, ""); err != nil {
		t.Error(err)
	}
	if len(good.got) != 2 || len(bad.got) != 2 {
		t.Errorf("good took %d, bad took %d; each must take the message and the changed one once", len(good.got), len(bad.got))
	}
	want := `
# HELP autorollback_messages_total Messages to the team by the place they were sent to and what became of the attempt.
# TYPE autorollback_messages_total counter
autorollback_messages_total{outcome="disabled",sink="bad"} 0
autorollback_messages_total{outcome="disabled",sink="gone"} 2
autorollback_messages_total{outcome="disabled",sink="good"} 0
autorollback_messages_total{outcome="failed",sink="bad"} 3
autorollback_messages_total{outcome="failed",sink="gone"} 0
autorollback_messages_total{outcome="failed",sink="good"} 0
autorollback_messages_total{outcome="sent",sink="bad"} 2
autorollback_messages_total{outcome="sent",sink="gone"} 0
autorollback_messages_total{outcome="sent",sink="good"} 2
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestFanoutForgets(t *testing.T) {
	good := &inbox{}
	f := NewFanout(prometheus.NewRegistry(), zap.NewNop(), Sink{"good", good})
	m := report.Opened(incidents()["acted"], ranker(), breach)
	for n := range remembered + 10 {
		m.Attempts, m.ID = 0, strings.Repeat("x", n%7)+string(rune('a'+n%26))+runbook.Figure(float64(n))
		if err := f.Send(t.Context(), m, ""); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.taken) != remembered || len(f.order) != remembered {
		t.Errorf("%d and %d are remembered, want %d", len(f.taken), len(f.order), remembered)
	}
}

func TestPost(t *testing.T) {
	k := ring(t, report.GenerateKey())
	asking := report.Asking(incidents()["awaiting"], ranker(), breach)
	answered := approval()
	answered.Status = record.Approved
	for name, c := range map[string]struct {
		keys  report.Keyring
		find  record.Approval
		err   error
		m     record.Message
		words string
		link  bool
	}{
		"a question":        {k, approval(), nil, asking, "good (with a link)", true},
		"no question":       {k, approval(), nil, report.Acted(incidents()["acted"], nil, breach), "good", false},
		"answered already":  {k, answered, nil, asking, "good", false},
		"no keys":           {report.Keyring{}, approval(), nil, asking, "good", false},
		"store unreachable": {k, record.Approval{}, runbook.ErrLater, asking, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			good := &inbox{}
			p := Notifier{
				Keys: c.keys, External: "https://autorollback.example", Out: NewFanout(prometheus.NewRegistry(), zap.NewNop(), Sink{"good", good}),
				Approval: func(context.Context, string) (record.Approval, error) { return c.find, c.err },
			}
			words, err := p.Send(t.Context(), c.m)
			if words != c.words || !errors.Is(err, c.err) {
				t.Errorf("got %q, %v", words, err)
			}
			if c.err == nil && (good.links[0] != "") != c.link {
				t.Errorf("the link is %q", good.links[0])
			}
			if c.link {
				if _, err := k.Verify(strings.TrimPrefix(good.links[0], "https://autorollback.example/approve/"), breach); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestLogHasNoLink looks for the token in all that the log sender writes.
func TestLogHasNoLink(t *testing.T) {
	core, logged := observer.New(zap.DebugLevel)
	link := report.Link("https://x", ring(t, report.GenerateKey()).Sign(approval()))
	m := report.Asking(incidents()["awaiting"], ranker(), breach)
	if err := (Log{zap.New(core)}).Send(t.Context(), m, link); err != nil {
		t.Fatal(err)
	}
	if logged.Len() != 1 || logged.All()[0].Level != zap.WarnLevel || logged.All()[0].Message != m.Title {
		t.Fatalf("logged %v", logged.All())
	}
	for name, value := range logged.All()[0].ContextMap() {
		if text, _ := value.(string); strings.Contains(text, link[len(link)-20:]) {
			t.Errorf("%s has the token", name)
		}
	}
}
