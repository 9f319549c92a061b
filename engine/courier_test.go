package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/secret"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/receivers"
)

// direct carries a request to a server's handler: a real connection would hold up virtual time.
type direct struct{ to http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	d.to.ServeHTTP(w, r)
	return w.Result(), nil
}

// A pager keeps the ids of what it took; no says what it does not take.
type pager struct {
	took []string
	no   func(record.Message) error
}

func (p *pager) Send(_ context.Context, m record.Message, _ string) error {
	if p.no != nil {
		if err := p.no(m); err != nil {
			return err
		}
	}
	p.took = append(p.took, m.ID)
	return nil
}

// tells puts a message into the outbox, as a step does.
func tells(t *testing.T, st store.Store, incident string, number int) string {
	t.Helper()
	m := record.Message{Schema: 1, ID: fmt.Sprintf("%s-m-%d", incident, number), Service: "ranker", Region: theTarget.Region, Incident: incident,
		Kind: "acted", Title: fmt.Sprintf("message %d", number), CreatedAt: time.Now().UTC(), StartsAt: time.Now().UTC(), Number: number}
	text, err := json.Marshal(m)
	must(t, err)
	must(t, put(st, store.OutboxKey(m.ID), string(text)))
	return m.ID
}

// sinks are a Slack and a pager, with what the former took.
func sinks(t *testing.T, server *receivers.Chat, p *pager) *notify.Notifier {
	t.Helper()
	chat, err := notify.NewSlack(secret.New(server.URL), outbound.New(outbound.Options{Transport: direct{server}}), nil)
	must(t, err)
	return notify.New(prometheus.NewRegistry(), notify.Options{}, notify.Sink{Name: "chat", Sender: chat}, notify.Sink{Name: "pager", Sender: p})
}

func titles(t *testing.T, server *receivers.Chat) (all []string) {
	t.Helper()
	for _, body := range server.Bodies() {
		var b struct {
			Text   string
			Blocks []struct{ Elements []struct{ Text string } }
		}
		must(t, json.Unmarshal(body, &b))
		_, incident, _ := strings.Cut(b.Blocks[0].Elements[0].Text, "incident ")
		all = append(all, incident+" "+b.Text)
	}
	return all
}

// A chat is down for ten minutes, in which one of two replicas is started again: everything comes once,
// later, in order; the pager has had all of it at once.
func TestChatDownForTenMinutes(t *testing.T) {
	server := receivers.Slack(t)
	synctest.Test(t, func(t *testing.T) {
		page := &pager{}
		a, st, f := solo(t, func(p *Parts) { p.Post = sinks(t, server, page) })
		replica := func(name string) *Engine {
			parts := partsOf(st, f)
			parts.Post = sinks(t, server, page)
			return engineOf(t, parts, fixture.Runbook(t, "page"), Options{Replica: name})
		}
		b := replica("b")
		look := func(times int) {
			for range times {
				a.deliver(t.Context())
				b.deliver(t.Context())
				time.Sleep(5 * time.Second)
			}
		}
		look(3) // what the release's start says
		before, paged := len(server.Bodies()), len(page.took)
		server.Down(http.StatusServiceUnavailable)
		var sent []string
		for minute, put := range [][]string{{"inc-1", "inc-1"}, {"inc-1"}, {"inc-2"}, {}, {"inc-2", "inc-1"}, {}, {}, {"inc-2"}, {}, {}} {
			for n, incident := range put {
				sent = append(sent, tells(t, st, incident, 10*minute+n))
			}
			if minute == 4 {
				a = replica("replica")
			}
			look(12)
			if got := page.took[paged:]; !slices.Equal(got, sent) {
				t.Fatalf("minute %d: the pager has %v, want %v", minute, got, sent)
			}
		}
		if n := len(server.Bodies()); n != before {
			t.Fatalf("a chat that is down took %d", n-before)
		}
		if n := server.Posts() - before; n > 150 {
			t.Errorf("a chat that is down was called %d times in ten minutes", n)
		}
		server.Down(0)
		look(24)
		got := map[string][]string{}
		for _, title := range titles(t, server)[before:] {
			incident, title, _ := strings.Cut(title, " ")
			got[incident] = append(got[incident], title)
		}
		if want := "map[inc-1:[message 0 message 1 message 10 message 41] inc-2:[message 20 message 40 message 70]]"; fmt.Sprint(got) != want {
			t.Errorf("the chat has %v, want %s", got, want)
		}
		if left := all[record.Message](t, st, store.OutboxKey("")); len(left) != 0 || len(page.took[paged:]) != len(sent) {
			t.Errorf("%d messages are left; the pager has %d, want %d", len(left), len(page.took[paged:]), len(sent))
		}
	})
}

// A sink that asks to be left alone is, but not for ever, and nobody else waits with it.
func TestRetryAfterIsHonouredAndBounded(t *testing.T) {
	server := receivers.Slack(t)
	synctest.Test(t, func(t *testing.T) {
		page := &pager{}
		e, st, _ := solo(t, func(p *Parts) { p.Post = sinks(t, server, page) })
		look := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
				e.deliver(t.Context())
			}
		}
		look(time.Minute)
		before, paged := server.Posts(), len(page.took)
		server.Down(http.StatusTooManyRequests, "Retry-After", "90")
		tells(t, st, "inc-1", 1)
		tells(t, st, "inc-2", 1)
		look(89 * time.Second)
		if n := server.Posts() - before; n != 1 {
			t.Errorf("it was called %d times in the 90 s", n)
		}
		server.Down(http.StatusTooManyRequests, "Retry-After", "100000000")
		look(10 * time.Second)
		server.Down(0)
		look(mostAwait - time.Minute)
		if n := server.Posts() - before; n != 2 || len(page.took)-paged != 2 {
			t.Errorf("it was called %d times, the pager has %d", n, len(page.took)-paged)
		}
		look(2 * time.Minute)
		if n := server.Posts() - before; n != 4 {
			t.Errorf("it was called %d times, want 4: both came within ten minutes", n)
		}
	})
}

// A message that a sink does not take, while it takes others, holds up no page for long; one that it
// refuses for good holds up nothing, and the incident says so.
func TestOneMessageThatIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := ""
		page := &pager{no: func(m record.Message) error {
			if m.ID == bad {
				return errors.New("internal error")
			}
			return nil
		}}
		long := notify.New(prometheus.NewRegistry(), notify.Options{}, notify.Sink{Name: "pager", Sender: page})
		e, st, _ := solo(t, func(p *Parts) { p.Post = long })
		e.deliver(t.Context())
		page.took = nil
		bad = tells(t, st, "inc-1", 1)
		after, other := tells(t, st, "inc-1", 2), tells(t, st, "inc-2", 1)
		e.deliver(t.Context())
		if !slices.Equal(page.took, []string{other}) {
			t.Errorf("at once it has %v, want the other incident's", page.took)
		}
		for range 60 {
			time.Sleep(5 * time.Second)
			e.deliver(t.Context())
		}
		if !slices.Equal(page.took, []string{other, after}) {
			t.Errorf("after five minutes it has %v", page.took)
		}
		tries := all[record.Message](t, st, store.OutboxKey(""))[bad].Deliveries["pager"].Attempts
		if tries < 6 || tries > 14 {
			t.Errorf("it was tried %d times in five minutes", tries)
		}
		bad = ""
		for range 60 {
			time.Sleep(5 * time.Second)
			e.deliver(t.Context())
		}
		if len(all[record.Message](t, st, store.OutboxKey(""))) != 0 || len(page.took) != 3 {
			t.Errorf("it has %v", page.took)
		}
	})
}

// What a sink refuses for good is not tried again, and the others have it.
func TestARefusedMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tried := 0
		refuses := &pager{no: func(record.Message) error { tried++; return notify.ErrDisabled }}
		page := &pager{}
		e, st, f := solo(t, func(p *Parts) {
			p.Post = notify.New(prometheus.NewRegistry(), notify.Options{}, notify.Sink{Name: "chat", Sender: refuses}, notify.Sink{Name: "pager", Sender: page})
		})
		f.breaking["slo"] = true
		must(t, hears(t, e, fixture.Alert("slo", record.Webhook)))
		waiting := len(all[record.Message](t, st, store.OutboxKey("")))
		for range 3 {
			e.deliver(t.Context())
			time.Sleep(5 * time.Second)
		}
		if len(page.took) != waiting || tried != waiting || len(all[record.Message](t, st, store.OutboxKey(""))) != 0 {
			t.Errorf("%d of %d came, and %d were tried", len(page.took), waiting, tried)
		}
		i := incidentOf(t, st)
		line := i.Timeline[slices.IndexFunc(i.Timeline, func(r record.Record) bool { return r.Kind == "gave_up" })]
		if !strings.HasPrefix(line.Text, "Notified pager; not chat (attempts: 1; ") || i.ToldAt.IsZero() {
			t.Errorf("the incident says %q", line.Text)
		}
	})
}

// A sink that a new configuration has no more keeps nothing in the outbox.
func TestASinkThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &pager{no: func(record.Message) error { return errors.New("no such host") }}
		page := &pager{}
		both := notify.New(prometheus.NewRegistry(), notify.Options{}, notify.Sink{Name: "chat", Sender: dead}, notify.Sink{Name: "pager", Sender: page})
		e, st, f := solo(t, func(p *Parts) { p.Post = both })
		tells(t, st, "inc-1", 1)
		e.deliver(t.Context())
		if len(all[record.Message](t, st, store.OutboxKey(""))) == 0 {
			t.Fatal("nothing waits for the dead one")
		}
		parts := partsOf(st, f)
		parts.Post = notify.New(prometheus.NewRegistry(), notify.Options{}, notify.Sink{Name: "pager", Sender: page})
		engineOf(t, parts, fixture.Runbook(t, "page"), Options{Replica: "replica"}).deliver(t.Context())
		if left := all[record.Message](t, st, store.OutboxKey("")); len(left) != 0 {
			t.Errorf("%d messages are left", len(left))
		}
	})
}
