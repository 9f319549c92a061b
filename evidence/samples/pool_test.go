package samples

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// answers is a service that answers as the test says, or never.
type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// service is a source that asks the answers.
func service(name string) runbook.EvidenceSource {
	return runbook.EvidenceSource{Name: name, URL: "http://service.example/" + name}
}

func jobOf(name string, until time.Duration) Job {
	now := time.Now()
	ask := Ask{Source: service(name), Samples: &runbook.Samples{Harmful: 1}, From: now.Add(-time.Minute), To: now}
	return Job{Incident: record.Incident{ID: "inc-1", OpenedAt: now}, Stage: "before-" + name, Ask: ask, Until: now.Add(until)}
}

// kept are the stages that a pool has kept, and moved what it has told of.
type kept struct {
	mu     sync.Mutex
	stages []string
	fails  error
}

func (k *kept) keep(_ context.Context, j Job, _ map[string][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fails != nil {
		return k.fails
	}
	k.stages = append(k.stages, j.Stage)
	return nil
}

func (k *kept) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(slices.Values(k.stages))
}

// running runs a pool with answers until the test ends.
func running(t *testing.T, k *kept, f answers) *Pool {
	t.Helper()
	p := NewPool(Asker{Client: &http.Client{Transport: f}}, k.keep, func(Job) {})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// A source that fails is asked again with longer and longer pauses, until its time is over; then the job
// is over, and says why.
func TestAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var asked []time.Duration
		k := &kept{}
		p := running(t, k, func(*http.Request) (*http.Response, error) {
			asked = append(asked, time.Since(began))
			return nil, errors.New("connection refused")
		})
		j := jobOf("a", 20*time.Second)
		p.Want(time.Now(), j)
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}
		if !slices.Equal(asked, want) {
			t.Errorf("asked after %v, want %v", asked, want)
		}
		if lacks := p.Lacks(j); p.Open(j) || len(lacks) != 1 || !strings.Contains(lacks[0], "before-a: ask a: connection refused") {
			t.Errorf("open %v, lacks %q", p.Open(j), lacks)
		}
		p.Want(time.Now(), j) // it is over
		time.Sleep(time.Minute)
		if synctest.Wait(); len(asked) != len(want) {
			t.Error("it was asked again")
		}
	})
}

// What fails first and comes then lacks nothing, and a folder that cannot be written counts as a failure.
func TestWhatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{fails: errors.New("no space left on device")}
		p := running(t, k, func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})
		j := jobOf("a", time.Minute)
		p.Want(time.Now(), j)
		synctest.Wait()
		if lacks := p.Lacks(j); !p.Open(j) || len(lacks) != 1 || !strings.Contains(lacks[0], "no space") {
			t.Errorf("open %v, lacks %q", p.Open(j), lacks)
		}
		k.mu.Lock()
		k.fails = nil
		k.mu.Unlock()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if lacks := p.Lacks(j); p.Open(j) || lacks != nil || !slices.Equal(k.all(), []string{"before-a"}) {
			t.Errorf("open %v, lacks %q, kept %q", p.Open(j), lacks, k.all())
		}
	})
}

// A source that never answers holds no other up, and whose time is over is asked once anyway.
func TestOneThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kept{}
		p := running(t, k, func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "never") {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})
		never, well := jobOf("never", -time.Hour), jobOf("well", -time.Hour)
		p.Want(time.Now(), never, well)
		synctest.Wait()
		if p.Open(well) || !p.Open(never) || !slices.Equal(k.all(), []string{"before-well"}) {
			t.Errorf("kept %q", k.all())
		}
		time.Sleep(tryWithin)
		if synctest.Wait(); p.Open(never) || len(p.Lacks(never)) != 1 {
			t.Errorf("open %v, lacks %q", p.Open(never), p.Lacks(never))
		}
	})
}
