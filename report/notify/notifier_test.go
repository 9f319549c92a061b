package notify

import (
	"context"
	"errors"
	"fmt"
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
	texts []string
	links []string
}

func (i *inbox) Send(_ context.Context, m record.Message, link string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return i.err
	}
	i.got, i.texts, i.links = append(i.got, m.ID), append(i.texts, m.Text), append(i.links, link)
	return nil
}

func TestEachSinkOnItsOwn(t *testing.T) {
	good, bad, gone := &inbox{}, &inbox{err: errors.New("down")}, &inbox{err: ErrDisabled}
	long := &inbox{err: failure{text: "too long", refused: true}}
	reg := prometheus.NewPedanticRegistry()
	n := New(reg, Options{}, Sink{Name: "good", Sender: good}, Sink{Name: "bad", Sender: bad}, Sink{Name: "gone", Sender: gone}, Sink{Name: "long", Sender: long})
	m := report.Opened(incidents()["acted"], ranker(), breach)
	for sink, want := range map[string]struct {
		err     string
		refused bool
	}{"good": {}, "bad": {"down", false}, "gone": {"turned it off", true}, "long": {"too long", true}, "none": {"there is no sink", false}} {
		who, err := n.Send(t.Context(), sink, m)
		if (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) || Refused(err) != want.refused || err == nil && who != sink {
			t.Errorf("%s: got %q, %v (refused: %t)", sink, who, err, Refused(err))
		}
	}
	want := `
# HELP autorollback_messages_total Messages to the team by the place they were sent to and what became of the attempt.
# TYPE autorollback_messages_total counter
`
	for _, sink := range []string{"bad", "gone", "good", "long"} {
		for _, outcome := range []string{"disabled", "failed", "refused", "sent"} {
			count := 0
			if (map[string]string{"bad": "failed", "gone": "disabled", "good": "sent", "long": "refused"})[sink] == outcome {
				count = 1
			}
			want += fmt.Sprintf("autorollback_messages_total{outcome=%q,sink=%q} %d\n", outcome, sink, count)
		}
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// A runbook names the sinks of its service; what carries everything, carries that as well.
func TestWhoGetsAMessage(t *testing.T) {
	n := New(prometheus.NewRegistry(), Options{Named: func(service string) []string {
		return map[string][]string{"ranker": {"ranking-chat", "on-call"}, "encoder": {"ml"}}[service]
	}}, Sink{Name: "log"}, Sink{Name: "ranking-chat", Chosen: true}, Sink{Name: "ml", Chosen: true}, Sink{Name: "on-call", Chosen: true})
	for service, want := range map[string]string{
		"ranker": "log ranking-chat on-call", "encoder": "log ml", "other": "log ranking-chat ml on-call", "": "log ranking-chat ml on-call",
	} {
		if got := strings.Join(n.For(record.Message{Service: service}), " "); got != want {
			t.Errorf("%q goes to %s, want %s", service, got, want)
		}
	}
}

func TestPost(t *testing.T) {
	k := ring(t, report.GenerateKey())
	asking := report.Asking(incidents()["awaiting"], ranker(), breach)
	answered := approval()
	answered.Status, answered.By = record.Approved, "ann"
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
			n := New(prometheus.NewRegistry(), Options{Keys: c.keys, External: "https://autorollback.example",
				Approval: func(context.Context, string) (record.Approval, error) { return c.find, c.err }}, Sink{Name: "good", Sender: good})
			words, err := n.Send(t.Context(), "good", c.m)
			if words != c.words || !errors.Is(err, c.err) {
				t.Errorf("got %q, %v", words, err)
			}
			if c.err == nil && (good.links[0] != "") != c.link {
				t.Errorf("the link is %q", good.links[0])
			}
			if over := c.find.Status == record.Approved && c.err == nil; over != strings.HasSuffix(strings.Join(good.texts, ""), "\nThis question is over: approved by ann.") {
				t.Errorf("the text is %q", good.texts)
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
